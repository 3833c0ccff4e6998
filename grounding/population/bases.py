"""Which population count a table stands on, and which tables may not be met in one fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from personas.errors import DataError
from reference_data import MarginTable, Unit


@dataclass(frozen=True)
class Frames:
    """The population counts of a country that exclude one another.

    Attributes:
        country: English name.
        counts: name of the count -> words by which a table's basis is known to stand on it.
        apart: how far the counts are apart, in words.
        advice: what to do.
    """

    country: str
    counts: tuple[tuple[str, tuple[str, ...]], ...]
    apart: str
    advice: str


GERMANY = Frames(
    country="Germany",
    counts=(
        ("the census of 2011, updated", ("2011 census", "census 2011", "zensus 2011", "census of 2011")),
        ("the Zensus 2022", ("zensus 2022", "2022 census", "census 2022", "census of 2022")),
    ),
    # Residents on 31 December 2021 (GENESIS 12411-0013) less those of 15 May 2022 (Zensus 2022, 1000A-2022).
    apart=(
        "518,000 people apart (83,237,124 at the end of 2021, 82,719,540 in May 2022), unevenly over age "
        "and Land"
    ),
    advice=(
        "take all margins of one fit from one of them: de_land_sex_age_2021 alone, or "
        "de_land_age_migration_2022 with de_sex_age_labour_2024; as_shares does not help, since the shares "
        "differ too"
    ),
)
FRAMES = (GERMANY,)


def check(tables: Sequence[MarginTable]) -> None:
    """Returns where the tables of one fit may be met together.

    Tables on different bases that only count different people, as the Current Population Survey and the
    resident population of the United States do, may be mixed as shares: ``margins.check_totals`` sees to it.

    Raises:
        DataError: two tables of one country stand on population counts that exclude one another.
    """
    for frames in FRAMES:
        seen: dict[str, MarginTable] = {}
        for table in tables:
            count = _count(frames, table)
            if count:
                seen.setdefault(count, table)
        if len(seen) > 1:
            (first, one), (second, other) = list(seen.items())[:2]
            raise DataError(
                f"tables {one.name} ({one.basis}) and {other.name} ({other.basis}) cannot be met in one fit: "
                f"for {frames.country}, {first} and {second} are {frames.apart}. What to do: {frames.advice}"
            )


def check_unit(table: MarginTable, wanted: Unit) -> None:
    """Returns where the table counts what it is used for; per cent serve for people and households alike.

    Raises:
        DataError: a table of households is used for people, or one of people for households.
    """
    if table.unit in (wanted, "percent"):
        return
    place = "households.margins" if table.unit == "households" else "margins"
    raise DataError(
        f"table {table.name} counts {table.unit}, and is used as a margin of {wanted}: a share of households "
        f"is no share of people; name it under {place} of the grounding file, or take another table. For a "
        f"table of your own that counts {wanted}, say so: unit: {wanted}"
    )


def _count(frames: Frames, table: MarginTable) -> str:
    """The count of ``frames`` that the table stands on; empty where it counts others, or does not say."""
    if not table.counts(frames.country):
        return ""
    basis = table.basis.casefold()
    return next((name for name, words in frames.counts if any(word in basis for word in words)), "")
