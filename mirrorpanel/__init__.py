"""The application: command line, workspace and reports."""

__version__ = "0.1.0"
