import json
import re
from pathlib import Path

import numpy as np
import pytest
from simulated_survey import survey

from mirrorpanel.render import ladder_page
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
