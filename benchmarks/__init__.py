"""One script for each claim; the last line on standard output is one JSON object."""
