"""A figure with its interval."""

from personas.document import Document


class Estimate(Document):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def tells(self, least: float, most: float) -> bool:
        """Whether the interval leaves out at least half of what the figure can be.

        That is from ``least`` to ``most``. One that does not, as over two or three questions, says nothing
        that a reader could use: a correlation "between -.6 and .9" may be any.
        ``Estimate(value=.2, low=-.6, high=.9).tells(-1, 1)`` is false.
        """
        return self.high - self.low <= (most - least) / 2
