"""The agreement report: one HTML file that opens offline, and the same content as JSON."""
