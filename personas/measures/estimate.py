"""A figure with its interval."""

from personas.document import Document


class Estimate(Document):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float
