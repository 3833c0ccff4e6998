"""The grounding files of examples/grounding, each on the packaged data that it names."""

import json
from pathlib import Path
from typing import Any

import pytest
from own_study import ROOT, done, rows

from grounding.sources import datasets
from grounding.sources.measures import CustomerAttribute
from grounding.spec import GroundSpec
from mirrorpanel import store
from personas import document
from personas.models.wheel import cache_folder

FOLDER = ROOT / "examples" / "grounding"
EXAMPLES = [file.stem for file in sorted(FOLDER.glob("*.yaml")) if "\npanel:" in f"\n{file.read_text()}"]


def spec_of(name: str) -> GroundSpec:
    return document.read(FOLDER / f"{name}.yaml", GroundSpec)


@pytest.fixture(scope="module")
def grounded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """An example's name, and a workspace that it was grounded in."""
    name = str(request.param)
    spec = spec_of(name)
    named = [spec.survey.data if spec.survey else None, *(source.data for source in spec.crm)]
    for data in filter(None, named):
        if not (cache_folder() / "data" / data).is_dir():
            pytest.skip(f"{data} is not in the cache; `mirrorpanel data pull {data}` fetches it")
        datasets.get(data)
    folder = tmp_path_factory.mktemp(name)
    store.create(folder)
    done("ground", FOLDER / f"{name}.yaml", "-w", folder)
    return name, folder


def twin(folder: Path) -> dict[str, Any]:
    return json.loads(next((folder / "reports").glob("*/grounding.json")).read_text(encoding="utf-8"))


def test_there_are_examples_of_both_countries() -> None:
    assert {"us", "germany"} <= set(EXAMPLES)


@pytest.mark.parametrize("grounded", EXAMPLES, indirect=True)
def test_every_example_meets_its_margins_and_says_where_everything_comes_from(
    grounded: tuple[str, Path],
) -> None:
    name, folder = grounded
    spec, found = spec_of(name), twin(folder)
    assert found["persons"] == spec.persons
    assert found["weighting"]["largest_margin_error"] < 1e-6
    assert all(entry["method"] and entry["source"] for entry in found["provenance"])
    assert not found["found"]["unrecorded"]
    person = done("panel", "explain", "p0001", "-w", folder, "--json").json
    shown = {fact["attribute"] for fact in person["attributes"]}
    assert shown <= {entry["attribute"] for entry in found["provenance"]}
    assert {fact["kind"] for fact in person["attributes"]} <= {"observed", "matched", "imputed"}


@pytest.mark.parametrize("grounded", ["us"], indirect=True)
def test_the_american_example_shows_every_customer_attribute_and_what_matching_supports(
    grounded: tuple[str, Path],
) -> None:
    _, folder = grounded
    wanted = {"recency", "frequency", "value", "produce_share"}
    wanted |= {"channel", "loyalty", "campaign_response", "tenure"}
    kinds = dict(rows(folder, "SELECT DISTINCT attribute, kind FROM attributes WHERE kind = 'matched'"))
    assert wanted <= set(kinds)
    lent = rows(
        folder, "SELECT count(*), count(donor), count(distance) FROM attributes WHERE kind = 'matched'"
    )[0]
    assert lent[0] == lent[1] == lent[2] > 20_000
    donors = {str(r[0]) for r in rows(folder, "SELECT DISTINCT donor FROM attributes WHERE kind = 'matched'")}
    assert not any(donor.isdecimal() for donor in donors)  # household ids became pseudonyms
    found = twin(folder)["found"]
    (support,) = found["supports"]
    assert any("independent" in line for line in support["sentences"])
    assert support["bounds"]["within"][0] <= support["bounds"]["within"][2] <= support["bounds"]["within"][1]


@pytest.mark.parametrize("grounded", ["us"], indirect=True)
def test_the_american_example_has_a_published_study_of_its_questions(grounded: tuple[str, Path]) -> None:
    _, folder = grounded
    page = next((folder / "reports").glob("*/grounding.html")).read_text(encoding="utf-8")
    assert "shares computed from the public-use file" in page
    assert "an anchor of the prior of 7 of the panel&#39;s questions" in page


def test_every_measure_that_an_attribute_may_have_stands_in_the_docs() -> None:
    page = (ROOT / "docs" / "customers.md").read_text(encoding="utf-8")
    measures = CustomerAttribute.model_json_schema()["properties"]["measure"]["enum"]
    assert [m for m in measures if f"| `{m}` |" not in page] == []
    assert [key for key in CustomerAttribute.model_fields if f"`{key}`" not in page] == []
