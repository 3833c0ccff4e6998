import sys
from importlib.util import find_spec

import pytest
from own_study import PERSONS, QUESTIONS, answer_rows, change, done, grounded_study, mirrorpanel, rows


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (mirrorpanel[cluster])")
def test_a_study_fielded_on_a_cluster_has_the_answers_of_one_fielded_here(tmp_path) -> None:
    here, there = (grounded_study(tmp_path / name) for name in ("here", "there"))
    for folder in (here, there):
        change(folder / "study.yaml", "batch: 50", "batch: 7")
    done("field", here / "study.yaml", "-w", here)
    ended = done("field", there / "study.yaml", "-w", there, "--cluster", "local", "--json")
    assert ended.out.count("\n") == 1
    assert ended.json["answers"] == PERSONS * len(QUESTIONS)
    assert answer_rows(there) == answer_rows(here)
    assert rows(there, "SELECT count(*) FROM runs WHERE finished IS NOT NULL") == [(1,)]


def test_a_cluster_that_cannot_be_had_is_refused_before_anything_is_asked(tmp_path, monkeypatch) -> None:
    folder = grounded_study(tmp_path / "own")
    monkeypatch.setitem(sys.modules, "ray", None)
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder, "--cluster", "local")
    assert refused.code == 1
    assert "pip install 'mirrorpanel[cluster]'" in refused.err
    assert rows(folder, "SELECT count(*) FROM runs") == [(0,)]
