"""Figures that training and validation both need: pure functions of answers, distributions and weights.

Weights are people's, as in ``Panel.weights``; only their ratios matter, and a person of weight 0 does not
count.
Empty input raises ``ValueError``; a figure that is not defined for its input is ``None``, never 0.
"""
