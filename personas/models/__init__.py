"""Models that answer. Nothing here imports torch until a language model is really loaded."""
