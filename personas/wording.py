"""Numbers as sentences say them: a share as a percentage, and a count with its noun."""


def percent(share: float, digits: int = 0) -> str:
    """A share in [0, 1] as a percentage, with a space that does not break: ``74 %``."""
    return f"{share:.{digits}%}".replace("%", "\u00a0%")


def counted(number: int, one: str, many: str = "") -> str:
    """The number with thousands separators and its noun: ``1 round``, ``1,200 rows``, ``0 people``.

    Args:
        number: how many there are.
        one: the noun for one.
        many: the noun for any other number; ``one`` with an s where empty.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
