import json
import re
from pathlib import Path

import numpy as np
import pytest
from simulated_survey import survey

from mirrorpanel.cli import rungs
from mirrorpanel.render import ladder_charts, ladder_page
from mirrorpanel.render.ladder_page import PageData
from training.dataset import TrainingData
from training.ladder.cost import Spent
from training.ladder.ladder import Fitted, Ladder, LadderSpec, Part, ladder
from training.ladder.rungs import shares
from training.ladder.rungs.catalogue import Tools

DATA = PageData("coffee", "2026-11-21T12:00:00+00:00", "0.1.0")


@pytest.fixture(scope="module")
def built() -> Ladder:
    made, test = survey(200, seed=1), survey(120, seed=2, prefix="new")
    data = TrainingData(made.people, made.answers, np.ones(200))
    part = Part("unseen_people", "unseen people, seen <questions>", test.people, test.answers, False)
    spec = LadderSpec(rungs=("uniform", "item_share", "cells", "plain_prompt"), replicates=50)
    trained = Fitted("mine", "Trained <b>model</b>", "trained", shares.uniform(data), True, Spent())
    return ladder(data, [part], spec, Tools(), [trained])


def test_the_page_says_the_verdict_the_figures_and_what_was_not_run(built: Ladder) -> None:
    page = ladder_page.html(built, DATA)
    assert "use demographic cells" in page
    assert "Trained &lt;b&gt;model&lt;/b&gt;" in page
    assert "<b>model" not in page
    assert page.count("<svg") == 1
    assert "no language model was given" in page
    for name in ladder_page.DEFINITIONS:
        assert name in page


def test_the_page_loads_nothing_and_carries_the_synthetic_label(built: Ladder) -> None:
    page = ladder_page.html(built, DATA)
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!#)', page.replace('xlink:href="#', ""))
    assert "Synthetic data" in page


def test_the_twin_has_every_figure_of_the_ladder(built: Ladder, tmp_path: Path) -> None:
    path = ladder_page.write(built, DATA, tmp_path / "report")
    assert path.name == "ladder.html"
    twin = json.loads((tmp_path / "report" / "ladder.json").read_text(encoding="utf-8"))
    kept = {name: twin[name] for name in Ladder.model_fields}
    assert Ladder.model_validate_json(json.dumps(kept)) == built
    assert twin["synthetic"] is True


def test_columns_that_no_rung_has_are_left_out(built: Ladder) -> None:
    headings = [heading for heading, _ in ladder_page.measures(built.parts[0])]
    assert headings == ["Brier", "Accuracy", "Calibration error", "Variance ratio", "Entropy ratio"]
    assert ">Precision</th>" not in ladder_page.html(built, DATA)


def test_a_rung_far_off_is_an_arrow_and_leaves_the_axis_to_the_others(built: Ladder) -> None:
    part = built.parts[0]
    far = part.rungs[2].model_copy(
        update={"rung": "far", "title": "Far", "gap_closed": -6.75, "log_loss": 5.5}
    )
    whole = part.model_copy(update={"rungs": (*part.rungs, far)})
    gaps, losses = ladder_charts.gap_ends(whole.rungs), ladder_charts.loss_ends(whole.rungs)
    assert gaps.clips(-6.75)
    assert gaps.inside(-6.75) == -0.5
    assert losses.clips(5.5)
    assert not any(losses.clips(m.log_loss) or gaps.clips(m.gap_closed) for m in part.rungs)
    svg = ladder_charts.chart(whole, "far")
    assert "Arrow: off the chart" in svg
    assert ">\u22126.75<" in svg
    assert "Arrow" not in ladder_charts.chart(part, "near")


def test_the_terminal_has_a_row_for_each_rung_and_the_verdict_last(built: Ladder) -> None:
    lines = rungs.lines(built)
    part = built.parts[0]
    for m in part.rungs:
        row = next(line for line in lines if line.startswith(f"  {m.title} "))
        assert ("it is the best statistics" in row) == (m.rung == part.best_baseline)
    assert lines[-len(built.verdict) - 1] == "Verdict"
    assert any(
        "not run: Language model, plain prompt (no language model was given)" in line for line in lines
    )
