"""Numbers and times as readers see them; the only place that formats them.

Signs are typographic (U+2212) and units stand behind a no-break space (U+00A0). A value that is not
defined (``None`` or NaN) is written as a dash, never as a zero.
"""

import math
from datetime import UTC, datetime

UNDEFINED = "–"
_MINUS = "\u2212"
_SPACE = "\u00a0"


def proportion(value: float | None, digits: int = 3) -> str:
    """A number in [0, 1] without its leading zero: ``.968``, ``1.000``; ``−.012`` below zero."""
    if value is None or math.isnan(value):
        return UNDEFINED
    text = f"{abs(value):.{digits}f}"
    sign = _MINUS if value < 0 and float(text) != 0 else ""
    return sign + (text[1:] if text.startswith("0.") else text)


def difference(value: float | None, digits: int = 3) -> str:
    """A difference with its sign: ``+.012``, ``−.012``; ``.000`` where it rounds to nothing."""
    text = proportion(value, digits)
    if value is None or math.isnan(value) or value < 0 or float(text) == 0:
        return text
    return f"+{text}"


def interval(low: float, high: float, digits: int = 3) -> str:
    """An interval of proportions: ``.961 to .974``."""
    return f"{proportion(low, digits)} to {proportion(high, digits)}"


def difference_interval(low: float, high: float, digits: int = 3) -> str:
    """An interval of differences: ``−.003 to +.012``."""
    return f"{difference(low, digits)} to {difference(high, digits)}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage: ``96.8 %``."""
    if value is None or math.isnan(value):
        return UNDEFINED
    return f"{decimal(100 * value, digits)}{_SPACE}%"


def points(value: float | None, digits: int = 2) -> str:
    """A difference between two shares in percentage points: ``0.31 points``."""
    if value is None or math.isnan(value):
        return UNDEFINED
    return f"{decimal(100 * value, digits)}{_SPACE}points"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with a fixed number of decimals and thousands separators: ``1.37``, ``1,234.50``."""
    if value is None or math.isnan(value):
        return UNDEFINED
    text = f"{abs(value):,.{digits}f}"
    return (_MINUS if value < 0 and float(text.replace(",", "")) != 0 else "") + text


def count(value: float | None) -> str:
    """A whole number with thousands separators: ``1,000``; anything else is rounded first."""
    return decimal(value, 0)


def rate(value: float | None) -> str:
    """A rate with three digits that count: ``12,345``, ``45.3``, ``0.052``."""
    if value is None or math.isnan(value) or value >= 100:
        return count(value)
    if value >= 10:
        return decimal(value, 1)
    return decimal(value, 2 if value >= 1 else 3)


def duration(seconds: float) -> str:
    """A length of time: ``52 ms``, ``8.4 s``, ``1 min 15 s``, ``2 h 5 min``.

    Raises:
        ValueError: ``seconds`` is negative or not finite.
    """
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"seconds must be finite and >= 0, got {seconds!r}")
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}{_SPACE}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}{_SPACE}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}{_SPACE}min {whole % 60}{_SPACE}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}{_SPACE}h {minutes % 60}{_SPACE}min"


def moment(iso: str) -> str:
    """An ISO 8601 time in words: ``21 November 2026, 09:41 UTC``; a bare date stays a date.

    Raises:
        ValueError: ``iso`` is not ISO 8601, or has a time without a zone.
    """
    time = datetime.fromisoformat(iso)
    day = f"{time.day} {time:%B %Y}"
    if len(iso) <= len("2026-11-21"):
        return day
    if time.tzinfo is None:
        raise ValueError(f"time must carry its zone, got {iso!r}; write it as {iso}+00:00")
    time = time.astimezone(UTC)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"
