"""Statistical matching: customers lend their attributes to the people who resemble them most.

Distance hot deck: for each recipient the donor at the smallest Gower distance over the variables known on
both sides, ties broken at random. A matched value says what people alike do, not what this person does.

Source: Gower (1971), "A general coefficient of similarity and some of its properties", Biometrics 27;
D'Orazio, Di Zio and Scanu (2006), "Statistical Matching", section 2.4.3 (distance hot deck).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from personas import draws
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN

NO_DONOR = -1


@dataclass(frozen=True)
class Donors:
    """Who lent what, for each recipient.

    Attributes:
        ids: the donor's id; ``None`` where nothing is shared with any donor.
        rows: the donor's row, shape (n_people,); ``NO_DONOR`` without a donor.
        distance: Gower distance in [0, 1], shape (n_people,); NaN without a donor.
        variables: how many variables the distance is over, shape (n_people,).
    """

    ids: tuple[str | None, ...]
    rows: IntArray
    distance: FloatArray
    variables: IntArray


@dataclass(frozen=True)
class Shared:
    """The variables known of people and of customers, as groups.

    Attributes:
        people: group of each person, shape (n_people, n_variables); ``UNKNOWN`` where missing.
        customers: group of each customer, shape (n_customers, n_variables).
        sizes: number of groups of each variable.
        ordered: whether the groups of each variable are steps of a scale.
    """

    people: IntArray
    customers: IntArray
    sizes: tuple[int, ...]
    ordered: tuple[bool, ...]


def gower(shared: Shared) -> tuple[FloatArray, IntArray]:
    """Gower distances and the number of variables behind each, both of shape (n_people, n_customers).

    An ordered variable with k groups adds ``|i - j| / (k - 1)``, an unordered one 0 or 1; the distance is
    the mean over the variables known on both sides, NaN where there are none. Groups 0 and 2 of 5 ordered
    ones and the same of two unordered ones: (2/4 + 0) / 2 = 0.25.
    """
    total = np.zeros((len(shared.people), len(shared.customers)))
    count = np.zeros(total.shape, dtype=np.int64)
    for v, (size, scale) in enumerate(zip(shared.sizes, shared.ordered, strict=True)):
        left, right = shared.people[:, v, None], shared.customers[None, :, v]
        both: BoolArray = (left != UNKNOWN) & (right != UNKNOWN)
        apart = np.abs(left - right) / max(1, size - 1) if scale else (left != right).astype(np.float64)
        total += np.where(both, apart, 0.0)
        count += both
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), count


def match(
    shared: Shared, ids: Sequence[str], donor_ids: Sequence[str], seed: int, name: str, limit: int | None
) -> Donors:
    """The nearest donor of each person.

    Of donors equally near, those compared on more variables come first; among the rest one is drawn by a
    counter-based number of (seed, person, name), so that nobody's place in the file matters. With a limit,
    people choose in random order, and a donor who is used up is passed over.

    Args:
        shared: the variables to compare.
        ids: of the people.
        donor_ids: of the customers.
        seed: of the random choices.
        name: of the CRM source; another name draws other donors.
        limit: how many people one donor may serve, ``None`` for any number.

    Raises:
        DataError: the limit leaves too few donors.
    """
    people, of_person = _profiles(shared.people)
    customers, of_donor = _profiles(shared.customers)
    distances, counts = gower(replace(shared, people=people, customers=customers))
    uniform, turn = draws.uniforms(seed, ids, [name, f"{name}: turn"]).T
    pool = _Pool(distances, counts, of_donor)
    if limit is None:
        rows = _unlimited(pool, of_person, uniform)
    else:
        order = np.argsort(turn, kind="stable")
        rows = _limited(pool, of_person, uniform, order, limit, name)
    found = rows != NO_DONOR
    profile = of_donor[rows]  # of nobody where there is no donor
    return Donors(
        ids=tuple(None if r == NO_DONOR else donor_ids[int(r)] for r in rows),
        rows=rows,
        distance=np.where(found, distances[of_person, profile], np.nan),
        variables=np.where(found, counts[of_person, profile], 0),
    )


@dataclass(frozen=True)
class _Pool:
    """Donors, grouped by profile: all of a profile are equally near to anybody.

    Attributes:
        distances: of each person profile to each donor profile.
        counts: of the variables behind each distance.
        of_donor: profile of each donor, shape (n_customers,).
    """

    distances: FloatArray
    counts: IntArray
    of_donor: IntArray

    def nearest(self, profile: int, free: BoolArray | None = None) -> IntArray:
        """Donors nearest to a person profile, ascending; with ``free`` only those, shape (n_customers,)."""
        distance = self.distances[profile]
        if free is not None:
            there = np.bincount(self.of_donor[free], minlength=len(distance)) > 0
            distance = np.where(there, distance, np.nan)
        wanted = np.zeros(len(distance), dtype=np.bool_)
        wanted[_nearest(distance, self.counts[profile])] = True
        donors = wanted[self.of_donor]
        return np.flatnonzero(donors if free is None else donors & free)


def _profiles(groups: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct rows of ``groups``, and which of them each row is."""
    profiles, place = np.unique(groups, axis=0, return_inverse=True)
    return profiles, place.reshape(-1)


def _unlimited(pool: _Pool, of_person: IntArray, uniform: FloatArray) -> IntArray:
    """A nearest donor for each person, shape (n_people,)."""
    rows = np.full(len(of_person), NO_DONOR, dtype=np.int64)
    for profile in range(len(pool.distances)):
        candidates = pool.nearest(profile)
        if len(candidates):
            alike = of_person == profile
            rows[alike] = candidates[(uniform[alike] * len(candidates)).astype(np.int64)]
    return rows


def _limited(
    pool: _Pool, of_person: IntArray, uniform: FloatArray, order: IntArray, limit: int, name: str
) -> IntArray:
    """A nearest donor for each person who is not used up when their turn comes, shape (n_people,)."""
    uses = np.zeros(len(pool.of_donor), dtype=np.int64)
    rows = np.full(len(of_person), NO_DONOR, dtype=np.int64)
    known: dict[int, IntArray] = {}
    for i in order.tolist():
        profile = int(of_person[i])
        if profile not in known:
            known[profile] = pool.nearest(profile)
        if np.all(np.isnan(pool.distances[profile])):
            continue
        free = known[profile][uses[known[profile]] < limit]
        if not len(free):
            free = pool.nearest(profile, uses < limit)
        if not len(free):
            raise DataError(
                f"CRM {name!r}: a donor_limit of {limit} lets {len(uses)} customers serve too few of "
                f"{len(of_person)} people; raise the limit or leave it out"
            )
        known[profile] = free
        rows[i] = free[int(uniform[i] * len(free))]
        uses[rows[i]] += 1
    return rows


def _nearest(distance: FloatArray, count: IntArray) -> IntArray:
    """Donors at the smallest distance, of these the ones compared on most variables; none if all are NaN."""
    if np.all(np.isnan(distance)):
        return np.empty(0, dtype=np.int64)
    near = np.flatnonzero(distance <= np.nanmin(distance) + 1e-12)  # sums of fractions differ by rounding
    return near[count[near] == count[near].max()]


def lent(values: IntArray, donors: Donors) -> IntArray:
    """What each person gets of the customers' ``values``, shape (n_people,); ``UNKNOWN`` without a donor."""
    return np.where(donors.rows != NO_DONOR, values[donors.rows], UNKNOWN)
