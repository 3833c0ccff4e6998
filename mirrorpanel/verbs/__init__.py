"""What each verb of the command line does, as functions; the command line only reads options and prints."""
