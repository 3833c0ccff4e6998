"""Rungs from the plainest way of answering to the dearest, side by side on the same people held out."""
