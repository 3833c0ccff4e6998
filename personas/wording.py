"""Numbers and names as sentences say them."""

from collections.abc import Sequence


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


def listing(names: Sequence[str], most: int = 12) -> str:
    """Names in quotes, the first ``most`` of them and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
