"""How much of what can be won was won."""

_LEAST_GAP = 0.02


def gap_closed(model: float, uniform: float, ceiling: float) -> float | None:
    """Share of the distance from uniform to the ceiling that was closed: 1 at the ceiling, 0 at uniform.

    ``(model - uniform) / (ceiling - uniform)``, with agreement (or any figure of which more is better) of
    the model, of the uniform guess and of a second real sample; negative for a model below uniform.
    ``gap_closed(.90, .70, .95)`` is ``.8``. ``None`` where uniform comes within .02 of the ceiling (people
    are nearly uniform), since the share is noise divided by noise there.
    """
    gap = ceiling - uniform
    return None if gap < _LEAST_GAP else (model - uniform) / gap
