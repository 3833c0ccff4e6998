import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_sample import LEAD, question, report, status

from mirrorpanel.render import disclosure, page, wording
from mirrorpanel.render.data import ReportData

HOSTILE = "<script>alert('x')</script><img src=https://example.org/x onerror=alert(1)>"


class Reader(HTMLParser):
    """Collects visible text, tags with their attributes, and tags left open."""

    VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def data() -> ReportData:
    return report()


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return page.html(data)


def test_the_synthetic_label_is_the_first_thing_on_the_page_and_the_last(html: str) -> None:
    body = read(html[html.index("<body>") : html.index("</html>")]).text
    assert body.startswith(wording.SYNTHETIC)
    assert wording.SYNTHETIC in body[body.rindex("How to reproduce") :]
    assert "Synthetic data: simulated persons" in html[html.index("@top-center") :][:120]


def test_the_page_loads_nothing(html: str) -> None:
    reader = read(html)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & {tag for tag, _ in reader.tags}
    for _, attributes in reader.tags:
        for name, value in attributes.items():
            assert name not in {"src", "srcset", "onload", "onclick"}
            if name.endswith("href"):
                assert (value or "").startswith("#")
            if not name.startswith("xmlns"):
                assert not re.search(r"url\(\s*['\"]?(?!#)", value or "")
    style = html[html.index("<style>") : html.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style
    assert "default-src 'none'" in html


def test_sections_stand_in_their_order(html: str) -> None:
    ids = re.findall(r'<h2 id="(\w+)"', html)
    assert ids == [
        "headline",
        "questions",
        "segments",
        "baselines",
        "population",
        "provenance",
        "disclosure",
        "reproduce",
    ]
    assert {f"#{i}" for i in ids} == set(re.findall(r'<a href="([^"]+)"', html))


def test_the_headline_gives_value_interval_ceiling_best_baseline_and_verdict(
    html: str, data: ReportData
) -> None:
    text = read(html).text
    for s in data.agreement.statuses:
        assert s.verdict in text
    assert ".968 95 % interval .962 to .974" in text
    assert "Ceiling .971 (.966 to .976)" in text
    assert "Best baseline: item share (no persona) .967" in text
    assert "Overall shares: no better than item share (no persona)" in text
    assert "Single answers: worse than empty persona" in text


def test_a_status_without_claims_still_says_whether_it_beats_the_best_baseline(data: ReportData) -> None:
    bare = status("unseen_people").model_copy(update={"claims": ()})
    won = bare.model_copy(update={"beats_best_baseline": True})
    for result, words in (
        (bare, "Not better than the best baseline"),
        (won, "Better than the best baseline"),
    ):
        changed = data.agreement.model_copy(update={"statuses": (result,), "segments": ()})
        text = read(page.html(data.model_copy(update={"agreement": changed}))).text
        assert words in text
        assert "No segments were compared." in text


def test_questions_stand_worst_first(html: str, data: ReportData) -> None:
    rows = page.question_rows(data)
    values = [r.result.agreement.value for r in rows]
    assert values == sorted(values)
    assert rows[0].bar == pytest.approx(100)
    table = html[html.index('id="questions"') :]
    places = [table.index(f'<span class="small">{r.result.name}</span>') for r in rows]
    assert places == sorted(places)


def test_bars_survive_perfect_agreement(data: ReportData) -> None:
    perfect = question(0, "natspac")
    perfect = perfect.model_copy(update={"agreement": perfect.agreement.model_copy(update={"value": 1.0})})
    changed = data.agreement.model_copy(update={"questions": (perfect,)})
    row = page.question_rows(data.model_copy(update={"agreement": changed}))[0]
    assert row.bar == 0
    assert 0 < row.tick <= 100


def test_suppressed_segments_are_shown_without_figures(html: str) -> None:
    rows = re.findall(r'<tr class="suppressed">.*?</tr>', html, re.DOTALL)
    assert len(rows) == 2
    for row in rows:
        text = read(row).text
        assert "education: less than high school" in text
        assert "suppressed" in text
        assert not re.search(r"\d", text)


def test_words_kept_for_people_do_not_stand_on_the_page(html: str) -> None:
    assert not re.search(r"\brespondents\b|\bpolls?\b", read(html).text, re.IGNORECASE)


def test_texts_from_the_data_cannot_become_markup(data: ReportData) -> None:
    nasty = question(0, "natspac").model_copy(update={"text": HOSTILE, "options": (HOSTILE, "b", "c")})
    segment = next(s for s in data.agreement.segments if not s.suppressed).model_copy(
        update={"level": HOSTILE}
    )
    result = data.agreement.model_copy(
        update={"questions": (nasty,), "segments": (segment,), "notes": (HOSTILE,)}
    )
    changed = {"title": HOSTILE, "prompts": (HOSTILE,), "limits": (HOSTILE,), "agreement": result}
    reader = read(page.html(data.model_copy(update=changed)))
    assert not {"script", "img"} & {tag for tag, _ in reader.tags}
    assert reader.text.count(HOSTILE) >= 6


def test_an_undefined_figure_is_a_dash(data: ReportData) -> None:
    odd = status("unseen_people").model_copy(
        update={
            "skill": None,
            "segment_agreement": None,
            "segment_ceiling": None,
            "person_signal": {"model": math.nan},
        }
    )
    rows = page.contest_rows(odd)
    assert rows[0].segment_agreement is None
    changed = data.agreement.model_copy(update={"statuses": (odd,)})
    html = page.html(data.model_copy(update={"agreement": changed}))
    text = read(html).text
    assert "Gap closed, from the uniform guess to the ceiling –" in text
    assert not re.search(r"\b(nan|None)\b", text)


def test_a_lead_is_claimed_only_where_its_interval_excludes_zero() -> None:
    comparison = status("unseen_people").comparisons[0]
    cases = (
        (0.001, 0.2, "ahead"),
        (-0.2, -0.001, "behind"),
        (-0.1, 0.1, "no clear difference"),
        (1e-17, 2e-17, "no clear difference"),
    )
    for low, high, outcome in cases:
        difference = comparison.difference.model_copy(update={"low": low, "high": high})
        assert page.lead(comparison.model_copy(update={"difference": difference})).outcome == outcome


def test_the_model_and_the_ceiling_stand_above_the_baselines() -> None:
    rows = page.contest_rows(status("unseen_people"))
    assert [r.name for r in rows[:3]] == ["persona model", "ceiling", "item share (no persona)"]
    assert set(rows[2].leads) == {"agreement", "segment_agreement", "log_score"}


def test_every_item_of_the_disclosure_block_is_there(data: ReportData, html: str) -> None:
    items = disclosure.items(data)
    assert [i.heading for i in items] == [
        "Nature of the data",
        "Persons and answers",
        "Human base",
        "Population and weights",
        "Model",
        "Prompts",
        "Order of options",
        "Draws and seed",
        "Dates",
        "Grounding sources and legal basis",
        "Training and held-out data",
        "Benchmark",
        "Published shares in the prior",
        "Known answers",
        "Worst questions",
        "Segments below their best baseline (point estimates)",
        "Spread between reruns",
        "Refused and repaired answers",
        "Refused and doubtful questions",
        "Uses not supported",
    ]
    text = read(html).text
    for item in items:
        for line in item.lines:
            assert " ".join(line.split()) in text


def test_the_disclosure_names_the_worst_questions_and_segments_below_their_baseline(data: ReportData) -> None:
    lost = next(s for s in data.agreement.segments if not s.suppressed)
    assert lost.agreement is not None
    lost = lost.model_copy(update={"baselines": {"uniform": lost.agreement.value + 0.01}})
    result = data.agreement.model_copy(update={"segments": (lost,)})
    items = {i.heading: i for i in disclosure.items(data.model_copy(update={"agreement": result}))}
    assert items["Segments below their best baseline (point estimates)"].lines == (
        "Agreement not above the best baseline: age group 18-24 (question in training).",
        "Suppressed, fewer than 30 real people: none.",
    )
    assert items["Worst questions"].lines[0].startswith("highways and bridges (natroad): .848, ceiling .967")
    assert items["Worst questions"].lines[-1] == "Outside the support of the training questions: natrace."


def test_the_json_twin_says_that_it_is_synthetic_and_reads_back_the_same(
    tmp_path: Path, data: ReportData
) -> None:
    path = page.write(data, tmp_path / "new" / "folder")
    assert path.name == "report.html"
    twin = path.with_name("report.json").read_text(encoding="utf-8")
    assert json.loads(twin)["synthetic"] is True
    assert ReportData.model_validate_json(twin) == data
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_full_question_texts_stand_in_the_appendix(html: str) -> None:
    assert f"{LEAD} welfare?" in read(html).text
