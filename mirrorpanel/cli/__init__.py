"""The command line: reads options, calls the verbs, prints what they return."""
