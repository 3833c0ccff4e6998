"""What a trained adapter must pass and what is written down about it: gates, hard cases, cards, status."""
