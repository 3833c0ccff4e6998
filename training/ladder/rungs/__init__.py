"""The rungs of the ladder: ways of answering, from the plainest to the dearest, on the same data."""
