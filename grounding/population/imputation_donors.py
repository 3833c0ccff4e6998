"""Random hot deck: who lends a missing value to whom, copy after copy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas import draws
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.panel import UNKNOWN

NO_DONOR = -1
_LARGEST_KEY = 2**62
_CHUNK = 20_000_000  # distances looked at in one go
_FEWER = 2e-5  # farther for each variable that is not known on both sides: breaks ties only
_TIED = 5e-6


@dataclass(frozen=True)
class Likeness:
    """The variables that say who resembles whom.

    Attributes:
        codes: group of each person, shape (n_people, n_variables); ``UNKNOWN`` where missing.
        sizes: number of groups of each variable.
        ordered: whether the groups of each variable are steps of a scale.
    """

    codes: IntArray
    sizes: tuple[int, ...]
    ordered: tuple[bool, ...]


@dataclass(frozen=True)
class Lending:
    """Who lent to whom.

    Attributes:
        rows: the donor's row for each recipient and copy, shape (n_recipients, copies).
        distance: Gower distance between them; NaN where they share no known variable.
        unmatched: recipients who share no known variable with anybody; any donor may serve them.
    """

    rows: IntArray
    distance: FloatArray
    unmatched: BoolArray


@dataclass(frozen=True)
class _Pools:
    """For each distinct recipient, the donor profiles that may serve: entries ``starts[r]:starts[r + 1]``.

    ``part`` is the share of a profile's donors that counts: 1, or less at the farthest distance.
    """

    profiles: IntArray
    distance: FloatArray
    part: FloatArray
    starts: IntArray


def lend(
    likeness: Likeness,
    donors: IntArray,
    recipients: IntArray,
    ids: tuple[str, ...],
    weights: FloatArray,
    nearest: int,
    copies: Sequence[int],
    seed: int,
    name: str,
) -> Lending:
    """A donor for each recipient and copy.

    The pool is everybody at the smallest Gower distance where these are ``nearest`` donors or more; otherwise
    the ``nearest`` nearest, of those equally far at its edge so large a share of each as makes up the number
    (and before them those compared on more variables). Within it a donor
    is drawn in proportion to weight times an Exp(1) number of the donor and the copy (Bayesian bootstrap,
    which the approximate Bayesian bootstrap approximates), so that copies differ by what the donors do not
    tell about the population, too.

    Args:
        likeness: of all people.
        donors: rows of those who may lend, with positive weights, in an order that is not the file's.
        recipients: rows of those who need a value.
        ids: of all people.
        weights: of all people.
        nearest: size of a pool; larger where more are equally near.
        copies: numbers of the copies, for each of which a recipient gets a donor.
        seed: of the draws.
        name: of the attribute; another name draws other donors.

    Source: Rubin and Schenker, JASA 81 (1986), 366-374; Rubin, Annals of Statistics 9 (1981), 130-134;
    Gower, Biometrics 27 (1971), 857-871.
    """
    place, profiles, first = _profiles(likeness, donors)
    of_recipient, wanted, _ = _profiles(likeness, recipients)
    by_profile = np.argsort(place, kind="stable")
    pools = _pools(likeness, wanted, profiles, np.diff(first), nearest)
    unmatched = (pools.starts[1:] == pools.starts[:-1])[of_recipient]
    lenders = donors[by_profile]
    questions = [f"hot deck {name}: copy {c}" for c in copies]
    own = -np.log1p(-draws.uniforms(seed, [ids[int(d)] for d in lenders], [f"{q}: donor" for q in questions]))
    turn = draws.uniforms(seed, [ids[int(r)] for r in recipients], questions)
    rows = np.empty((len(recipients), len(copies)), dtype=np.int64)
    distance = np.empty(rows.shape)
    for c in range(len(copies)):
        mass = np.concatenate([[0.0], np.cumsum(weights[lenders] * own[:, c])])
        chosen, distance[:, c] = _chosen(pools, first, mass, of_recipient, unmatched, turn[:, c])
        rows[:, c] = lenders[chosen]
    return Lending(rows, distance, unmatched)


def _chosen(
    pools: _Pools,
    first: IntArray,
    mass: FloatArray,
    of_recipient: IntArray,
    unmatched: BoolArray,
    turn: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """Place of each recipient's donor among the sorted ones, and their distance."""
    entry_mass = (mass[first[pools.profiles + 1]] - mass[first[pools.profiles]]) * pools.part
    so_far = np.concatenate([[0.0], np.cumsum(entry_mass)])
    begin, end = pools.starts[of_recipient], pools.starts[of_recipient + 1]
    aim = so_far[begin] + turn * (so_far[end] - so_far[begin])
    entry = np.clip(np.searchsorted(so_far, aim, side="right") - 1, begin, np.maximum(end - 1, begin))
    entry = np.where(unmatched, 0, entry)
    if len(pools.profiles):
        profile, distance = pools.profiles[entry], pools.distance[entry]
        low, high, rest = first[profile], first[profile + 1], (aim - so_far[entry]) / pools.part[entry]
    else:
        low = high = np.zeros(len(turn), dtype=np.int64)
        distance = rest = np.zeros(len(turn))
    low, high = np.where(unmatched, 0, low), np.where(unmatched, len(mass) - 1, high)
    rest = np.where(unmatched, turn * mass[-1], rest)
    donor = np.searchsorted(mass, mass[low] + rest, side="right") - 1
    return np.clip(donor, low, high - 1), np.where(unmatched, np.nan, distance)


def _profiles(likeness: Likeness, rows: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Number of each row's profile, the distinct profiles, and where each would start if sorted."""
    codes = likeness.codes[rows]
    key, span = np.zeros(len(rows), dtype=np.int64), 1
    for column, size in zip(codes.T, likeness.sizes, strict=True):
        if span * (size + 1) > _LARGEST_KEY:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            span = len(key) + 1
        key, span = key * (size + 1) + column + 1, span * (size + 1)
    _, example, place = np.unique(key, return_index=True, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(example)))])
    return place.astype(np.int64), codes[example], starts.astype(np.int64)


def _pools(likeness: Likeness, wanted: IntArray, profiles: IntArray, count: IntArray, nearest: int) -> _Pools:
    """The donor profiles that serve each distinct recipient; none where nothing known is shared."""
    left, right = _encoded(likeness, wanted, donors=False), _encoded(likeness, profiles, donors=True)
    known = (wanted != UNKNOWN).astype(np.float32), (profiles != UNKNOWN).astype(np.float32)
    whole = bool(known[0].all() and known[1].all())
    found: list[tuple[IntArray, IntArray, FloatArray, FloatArray]] = []
    step = max(1, _CHUNK // max(1, len(profiles)))
    for start in range(0, len(wanted), step):
        these = slice(start, start + step)
        distance, shared = left[these] @ right.T, None
        if whole:
            distance /= np.float32(max(1, len(likeness.sizes)))
        else:
            shared = known[0][these] @ known[1].T
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.where(shared > 0, distance / shared, np.inf)
            distance += np.float32(_FEWER) * (np.float32(len(likeness.sizes)) - shared)
        reach = _reach(distance, count, nearest)
        r, p = np.nonzero(distance <= reach[:, None] + _TIED)
        off = np.zeros(len(r))
        if shared is not None:
            off = _FEWER * (len(likeness.sizes) - shared[r, p].astype(np.float64))
        far = distance[r, p].astype(np.float64)
        part = _parts(r, far >= reach[r] - _TIED, count[p], nearest, len(reach))
        found.append((r + start, p, np.clip(far - off, 0.0, 1.0), part))
    sizes = np.bincount(np.concatenate([f[0] for f in found]), minlength=len(wanted))
    return _Pools(
        np.concatenate([f[1] for f in found]),
        np.concatenate([f[2] for f in found]),
        np.concatenate([f[3] for f in found]),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
    )


def _parts(r: IntArray, edge: BoolArray, count: IntArray, nearest: int, n_rows: int) -> FloatArray:
    """Share of each entry's donors that counts, so that every row has ``nearest`` or all at one distance."""
    inner = np.bincount(r[~edge], weights=count[~edge], minlength=n_rows)
    outer = np.bincount(r[edge], weights=count[edge], minlength=n_rows)
    share = np.where(inner > 0, np.minimum(1.0, (nearest - inner) / np.maximum(outer, 1.0)), 1.0)
    return np.where(edge, share[r], 1.0)


def _reach(distance: np.ndarray, count: IntArray, nearest: int) -> FloatArray:
    """Distance within which each row has ``nearest`` donors; the largest finite one where there are fewer."""
    most = min(nearest, distance.shape[1])
    close = (
        np.argpartition(distance, most - 1, axis=1)[:, :most]
        if most < distance.shape[1]
        else np.broadcast_to(np.arange(most), distance.shape)
    )
    order = np.argsort(np.take_along_axis(distance, close, axis=1), axis=1, kind="stable")
    close = np.take_along_axis(close, order, axis=1)
    near = np.take_along_axis(distance, close, axis=1).astype(np.float64)
    enough = np.cumsum(count[close], axis=1) >= nearest
    place = np.where(enough.any(axis=1), enough.argmax(axis=1), most - 1)
    finite = np.isfinite(near)
    place = np.minimum(place, finite.sum(axis=1) - 1)  # -1 where nothing is finite
    return np.where(place < 0, -np.inf, near[np.arange(len(near)), np.maximum(place, 0)])


def _encoded(likeness: Likeness, codes: IntArray, donors: bool) -> np.ndarray:
    """Columns whose inner product with the other side's is the sum of the variables' distances.

    An unordered variable adds ``1 - [a = b]``; an ordered one with k steps, of which bit t says whether the
    group is above t, adds ``sum_t (a_t + b_t - 2 a_t b_t) / (k - 1) = |a - b| / (k - 1)``.
    """
    columns: list[np.ndarray] = []
    for column, size, scale in zip(codes.T, likeness.sizes, likeness.ordered, strict=True):
        known = (column != UNKNOWN).astype(np.float32)
        if scale and size > 1:
            bits = ((column[:, None] > np.arange(size - 1)) & (column[:, None] != UNKNOWN)).astype(np.float32)
            height = bits.sum(axis=1) / np.float32(size - 1)
            pair = [known, height] if donors else [height, known]
            columns += [*pair, *(bits if donors else bits * np.float32(-2.0 / (size - 1))).T]
        else:
            same = (column[:, None] == np.arange(size)).astype(np.float32)
            columns += [known, *(same if donors else -same).T]
    return np.column_stack(columns) if columns else np.zeros((len(codes), 1), dtype=np.float32)
