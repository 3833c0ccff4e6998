"""Caps just above the smallest possible one."""

import numpy as np
import pytest

from grounding.population.margins import Target
from grounding.population.raking import fit
from personas.panel import Panel


def margin(
    attributes: tuple[str, ...], shares: dict[tuple[str, ...], float], source: str = "Office"
) -> Target:
    values = np.array(list(shares.values()))
    return Target(
        attributes, tuple(shares), values / values.sum(), float(values.sum()), source, "2020", "free"
    )


@pytest.mark.parametrize(
    ("seed", "smallest"), [(5, 1.1199396288732584), (6, 1.1242515695923063), (33, 1.09481359722935)]
)
def test_a_cap_just_above_the_smallest_is_met_though_cells_are_thin(seed, smallest):
    """104 people in joint cells of one or two; the smallest possible caps are those of scipy's linprog."""
    rng = np.random.default_rng(seed)
    common, sizes = rng.normal(size=104), (8, 9, 12, 2, 4)
    columns = [
        np.clip((rng.normal(size=104) * 0.6 + 0.8 * common) * k / 4 + k / 2, 0, k - 1).astype(int)
        for k in sizes
    ]
    base, truth = np.exp(rng.normal(0, 1.0, 104)), np.exp(rng.normal(0, 0.1, 104))
    codes = np.stack(columns, axis=1).astype(np.int64)
    levels = tuple(tuple(f"l{v}" for v in range(k)) for k in sizes)
    panel = Panel(tuple(map(str, range(104))), tuple("abcde"), levels, codes, base)
    targets: list[Target] = []
    for used in ((0, 1), (2,), (3,), (4,)):
        shares: dict[tuple[str, ...], float] = {}
        for row, weight in zip(codes.tolist(), truth.tolist(), strict=True):
            cell = tuple(f"l{row[i]}" for i in used)
            shares[cell] = shares.get(cell, 0.0) + weight
        targets.append(margin(tuple("abcde"[i] for i in used), shares))
    raked = fit(panel, targets, cap=smallest * 1.0005)
    assert raked.converged
    assert raked.weights.max() <= smallest * 1.0005
    assert not fit(panel, targets, cap=smallest * 0.999).converged
