"""A survey and a customer file that share a key: joined, counted, pseudonymised, erased."""

from pathlib import Path

import pytest
from own_study import GROUND, contents, done, mirrorpanel, rows, write_study

JOINED = """
crm:
  - name: shop
    files: {members: members.csv, sales: sales.csv}
    people: members
    key: member
    join: card
    attributes:
      visits: {table: sales, measure: count, up_to: {none: 0, some: null}}
      tier: {table: members, measure: value, of: tier}
"""


def own_shop(folder: Path, join: str = "card", keys: dict[int, str] | None = None) -> Path:
    """The study with a card number for its people: of 300 customers, three in four are in the survey."""
    write_study(folder)
    head, *lines = (folder / "people.csv").read_text().splitlines()
    cards = {i: "" if i % 4 == 0 else f"K{i:04d}" for i in range(len(lines))} | (keys or {})
    with_card = [f"{line},{cards[i]}" for i, line in enumerate(lines)]
    (folder / "people.csv").write_text("\n".join([f"{head},card", *with_card]) + "\n")
    names = [f"h{i:03d}" if join == "id" else f"K{i:04d}" for i in range(300)]
    members = [f"{name},{'gold' if i % 3 else 'plain'}" for i, name in enumerate(names)]
    (folder / "members.csv").write_text("\n".join(["member,tier", *members]) + "\n")
    sales = [f"{names[i]},5" for i in range(0, 300, 2)] + ["K9999,5", ",5"]
    (folder / "sales.csv").write_text("\n".join(["member,price", *sales]) + "\n")
    (folder / "ground.yaml").write_text(GROUND + JOINED.replace("join: card", f"join: {join}"))
    return folder


def test_a_join_says_whom_it_found_and_whom_not(tmp_path: Path) -> None:
    said = done("ground", own_shop(tmp_path, keys={1: "K0002"}) / "ground.yaml", "-w", tmp_path)
    page = next((tmp_path / "reports").glob("own-*/grounding.html")).read_text(encoding="utf-8")
    for text in (
        "225 of 480 people were joined by card to their own member.",
        "120 people have no key and 135 a key that no customer has: their customer attributes stay unknown.",
        "76 customers are nobody's in the survey and stay unused.",
        "2 people share a key with others (1 customers): each of them gets what all of them bought together.",
        "Of 152 rows in sales 1 have no member and 1 belong to nobody in members who may be used",
    ):
        assert text in said.err + said.out
        assert text.replace("'", "&#39;") in page
    assert "K0002" not in page + said.err + said.out


def test_joined_values_are_the_persons_own_and_carry_the_customers_pseudonym(tmp_path: Path) -> None:
    done("ground", own_shop(tmp_path) / "ground.yaml", "-w", tmp_path)
    found = rows(
        tmp_path,
        "SELECT value, kind, donor, distance, count(*) FROM attributes WHERE attribute = 'visits' "
        "GROUP BY ALL ORDER BY 3",
    )
    assert {(value, kind, distance) for value, kind, _, distance, _ in found} == {
        ("some", "observed", None),
        ("none", "observed", None),
    }
    assert len(found) == 225
    assert not any(str(donor).startswith("K") for _, _, donor, _, _ in found)
    survey = {r[0] for r in rows(tmp_path, "SELECT id FROM people")}
    assert not survey & {donor for _, _, donor, _, _ in found}  # a card number is no id of the survey


def test_a_key_that_is_the_id_of_the_survey_makes_the_same_pseudonym(tmp_path: Path) -> None:
    done("ground", own_shop(tmp_path, join="id") / "ground.yaml", "-w", tmp_path)
    pairs = rows(tmp_path, "SELECT id, donor FROM attributes WHERE attribute = 'tier'")
    assert len(pairs) == 300
    assert all(person == customer for person, customer in pairs)
    assert not any(person.startswith("h") for person, _ in pairs)


def test_an_erased_customer_goes_with_the_person_who_it_is(tmp_path: Path) -> None:
    folder = own_shop(tmp_path)
    done("ground", folder / "ground.yaml", "-w", folder)
    joined = "SELECT count(DISTINCT donor), count(*) FROM attributes WHERE donor IS NOT NULL"
    assert rows(folder, joined) == [(225, 450)]
    people = rows(folder, "SELECT count(*) FROM people")[0][0]
    done("erase", "K0002", "--yes", "-w", folder)
    assert rows(folder, joined) == [(224, 448)]
    assert rows(folder, "SELECT count(*) FROM people")[0][0] == people - 1
    assert mirrorpanel("erase", "K0002", "--yes", "-w", folder).code == 1


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("members.csv", "member,tier\nK0001,gold\nK0001,plain\n", "column 'member' must be distinct"),
        ("members.csv", "member,tier\nK0001,gold\n,plain\n", "column 'member' is empty"),
        ("members.csv", "member,tier\nX1,gold\nX2,plain\n", "check that 'member' means the same in both"),
        ("people.csv", None, "check that both columns hold the same key"),
        ("sales.csv", "kunde,price\nK0001,4\n", "table 'sales' has no column 'member'; it has kunde, price"),
    ],
)
def test_customers_that_cannot_be_joined_leave_the_workspace_as_it_was(
    tmp_path: Path, file: str, text: str | None, expected: str
) -> None:
    folder = own_shop(tmp_path)
    done("ground", folder / "ground.yaml", "-w", folder)
    other_keys = (folder / file).read_text().replace(",K", ",card ")
    (folder / file).write_text(text or other_keys)
    before = contents(folder)
    ended = mirrorpanel("ground", folder / "ground.yaml", "-w", folder)
    assert (ended.code, expected in ended.err) == (1, True), ended.err
    assert contents(folder) == before
