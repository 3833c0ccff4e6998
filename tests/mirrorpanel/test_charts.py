import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_sample import LEAD, TOPICS, agreement, question, report

from mirrorpanel.render import charts, drawing, wording
from mirrorpanel.render.data import ReportData


def with_questions(*changes: dict[str, object]) -> ReportData:
    """The sample with as many questions as there are changes, each changed."""
    base = [question(i, name) for i, name in enumerate(TOPICS)]
    changed = tuple(q.model_copy(update=c) for q, c in zip(base, changes, strict=False))
    return report().model_copy(update={"agreement": agreement().model_copy(update={"questions": changed})})


def words(svg: str) -> list[str]:
    return ["".join(t.itertext()) for t in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture(scope="module")
def drawings() -> list[str]:
    data = report()
    return [*charts.overview(data), charts.questions(data), *charts.shares(data), charts.segments(data)]


def test_every_chart_carries_the_synthetic_label_and_its_base(drawings: list[str]) -> None:
    for svg in drawings:
        text = " ".join(words(svg))
        assert wording.SYNTHETIC_SHORT in text
        assert re.search(r"Base: 470 real people never trained on.*1,000 simulated persons", text)


def test_ids_of_several_charts_never_meet(drawings: list[str]) -> None:
    ids = [i for svg in drawings for i in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))
    for svg in drawings:
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(re.findall(r' id="([^"]+)"', svg))


def test_charts_fit_the_page_and_their_text_is_large_enough(drawings: list[str]) -> None:
    for svg in drawings:
        assert 700 <= float(re.findall(r'width="([\d.]+)"', svg)[0]) <= 1024
        assert min(float(s) for s in re.findall(r'font-size="([\d.]+)px"', svg)) >= 11


def test_the_overview_ranks_model_ceiling_and_baselines_with_their_values() -> None:
    seen, unseen = (words(svg) for svg in charts.overview(report()))
    assert ".968 (.962 to .974)" in [" ".join(w.split()) for w in seen]
    assert "item share (no persona)" in seen
    assert "item share (no persona)" not in unseen
    assert unseen.index("empty persona") < unseen.index("persona model") < unseen.index("uniform guess")


def test_the_worst_question_stands_at_the_top() -> None:
    data = report()
    labels = wording.question_labels(data.agreement.questions)
    order = [q.name for q in charts.worst_first(data.agreement.questions)]
    shown = words(charts.questions(data))
    places = [next(i for i, w in enumerate(shown) if w.removesuffix(" *") == labels[n]) for n in order]
    assert places == sorted(places)
    assert order[0] == "natroad"


def test_a_suppressed_segment_has_a_word_and_no_mark() -> None:
    data = report()
    only = [s for s in data.agreement.segments if s.suppressed]
    assert only
    svg = charts.segments(
        data.model_copy(update={"agreement": data.agreement.model_copy(update={"segments": tuple(only)})})
    )
    assert words(svg).count("suppressed") == 2
    assert "#0b4f8a" not in svg


def test_questions_with_other_options_get_their_own_drawing() -> None:
    seven = tuple(f"grade {i}" for i in range(7))
    sevenths = {"options": seven, "real": (1 / 7,) * 7, "simulated": (1 / 7,) * 7}
    drawn = charts.shares(with_questions({}, {}, sevenths))
    assert len(drawn) == 2
    assert sum("grade 6" in words(svg) for svg in drawn) == 1


def test_a_long_questionnaire_is_cut_with_notice() -> None:
    many = tuple(question(0, "natspac").model_copy(update={"name": f"q{i}"}) for i in range(50))
    data = report().model_copy(update={"agreement": agreement().model_copy(update={"questions": many})})
    assert "The 40 worst of 50 are shown." in " ".join(words(charts.questions(data)))
    assert len(charts.shares(data)) == 2


def test_one_question_alone_can_be_drawn() -> None:
    data = with_questions({"status": "unseen_people", "baselines": {}})
    assert any(LEAD[:40] in w for w in words(charts.questions(data)))
    assert len(charts.shares(data)) == 1


def test_markup_in_a_question_stays_text() -> None:
    svg = charts.questions(with_questions({"text": "<script>alert(1)</script> & more"}))
    assert "<script" not in svg
    assert "<script>alert(1)</script> & more" in words(svg)


def test_shuffled_personas_do_not_count_as_best_baseline_for_all_people_together() -> None:
    result = question(0, "natspac").model_copy(
        update={"baselines": {"shuffled_persona": 0.99, "uniform": 0.7}}
    )
    assert charts.best_baseline(result) == "uniform"
    segment = next(s for s in agreement().segments if not s.suppressed)
    assert (
        charts.best_baseline(segment.model_copy(update={"baselines": result.baselines})) == "shuffled_persona"
    )
    assert charts.best_baseline(result.model_copy(update={"baselines": {}})) is None


@given(st.lists(st.floats(0, 1), max_size=5))
def test_the_axis_begins_at_a_tenth_below_every_value(values: list[float]) -> None:
    low = charts.domain_low(values)
    assert 0 <= low <= 0.9
    assert all(low <= v for v in values)
    assert round(low * 10) == pytest.approx(low * 10)


def test_the_shared_opening_of_all_questions_is_left_out_of_labels() -> None:
    labels = wording.question_labels([question(i, n) for i, n in enumerate(TOPICS)])
    assert labels["natfare"] == "welfare"
    assert labels["natheal"] == "improving and protecting the nation's health"


@given(st.lists(st.text(alphabet="abc ?", min_size=1, max_size=90).filter(str.strip), min_size=1, max_size=6))
def test_labels_differ_and_are_short(texts: list[str]) -> None:
    base = question(0, "natspac")
    asked = [base.model_copy(update={"name": f"q{i}", "text": t}) for i, t in enumerate(texts)]
    labels = wording.question_labels(asked)
    assert len(set(labels.values())) == len(texts)
    assert all(label.strip() and len(label) <= 58 + len(" (q9)") for label in labels.values())


def test_texts_that_differ_only_at_the_end_keep_their_ends() -> None:
    base = question(0, "natspac")
    opening = "Thinking of all that the government in Washington has done this year, how good"
    texts = {"q1": f"{opening} is it for you?", "q2": f"{opening} was it for you?"}
    asked = [base.model_copy(update={"name": n, "text": t}) for n, t in texts.items()]
    asked.append(base.model_copy(update={"name": "q3", "text": "And now to something else?"}))
    labels = wording.question_labels(asked)
    assert labels["q1"].startswith("…")
    assert labels["q1"].endswith("how good is it for you?")
    assert labels["q3"] == "And now to something else?"


def test_a_baseline_without_a_readable_name_keeps_its_own() -> None:
    assert wording.baseline("untuned") == "untuned language model"
    assert wording.baseline("gradient_boosting") == "gradient boosting"


def test_a_remark_has_no_value() -> None:
    assert drawing.remark("sex: male", "suppressed")["value"] is None


def test_the_stem_of_a_battery_is_cut_though_other_questions_do_not_share_it() -> None:
    stem = "Wie gut trifft das auf Sie zu? Ich "
    texts = (f"{stem}sorge vor.", f"{stem}komme zurecht.", "Wie oft sparen Sie etwas?")
    data = with_questions(*({"text": t} for t in texts))
    assert list(wording.question_labels(data.agreement.questions).values()) == [
        "Ich sorge vor", "Ich komme zurecht", "Wie oft sparen Sie etwas?",
    ]  # fmt: skip
