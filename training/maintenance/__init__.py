"""A new wave of answers: what has drifted, and whether to keep, recalibrate or train again."""
