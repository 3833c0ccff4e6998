"""Adapters of a workspace: versions, approval, comparison, and a new wave."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from own_study import ADAPTER_STUDY, GROUND, TRAIN, done, grounded_study, mirrorpanel

from mirrorpanel import assessing, audit, cards, lineup, registry, trained
from mirrorpanel.cli import adapters
from mirrorpanel.lineup import Machine
from mirrorpanel.receipts import Flag
from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import grounding, rechecking, training_data
from mirrorpanel.verbs import registry as verbs
from personas.errors import DataError, MirrorpanelError, UnknownName
from training.maintenance.recheck import RecheckSettings
from training.registry import data_card, gates
from training.registry.gates import Gate, Gates
from training.registry.registry import Registration

QUICK = RecheckSettings(draws=199, fewest=200)
SPLIT = "split: {people: 0.5, questions: [museums], seed: 4, by: question}"


def train(folder: Path, tiny: Path, seed: int) -> str:
    """Trains as the program does; registers what it did not register yet; returns the identifier."""
    text = TRAIN.replace("smollm2-135m", str(tiny)).replace("seed: 5", f"seed: {seed}")
    (folder / "train.yaml").write_text(text)
    adapter = str(done("train", folder / "train.yaml", "-w", folder, "--json").json["adapter"])
    with Workspace(folder) as workspace:
        if registry.get(workspace, adapter).registration is None:
            record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
            ready = training_data.prepared(workspace, folder / "train.yaml", lambda line: None)
            model = lineup.adapter_model(workspace, record, Machine())
            found = assessing.assess(workspace, adapter, ready, model, lambda line: None, forced=True)
            with workspace.transaction("test", adapter):
                registry.insert(workspace, adapter, ready.panel, record, found.registration)
    return adapter


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> tuple[Path, str, str]:
    folder = grounded_study(tmp_path_factory.mktemp("registry") / "own")
    return folder, train(folder, tiny_folder, 5), train(folder, tiny_folder, 6)


@pytest.fixture
def study(made: tuple[Path, str, str], tmp_path: Path) -> tuple[Path, str, str]:
    folder = shutil.copytree(made[0], tmp_path / "own")
    return folder, made[1], made[2]


def test_versions_count_up_and_a_name_means_the_newest_candidate(study: tuple[Path, str, str]) -> None:
    folder, first, second = study
    with Workspace(folder) as workspace:
        assert [(r.adapter, r.version, r.status) for r in registry.listing(workspace)] == [
            (first, 1, "candidate"), (second, 2, "candidate"),
        ]  # fmt: skip
        assert registry.chosen(workspace, "tastes") == second
        assert registry.chosen(workspace, "tastes@1") == first
        with pytest.raises(UnknownName, match="tastes"):
            registry.chosen(workspace, "tastes@3")


def test_a_registration_says_what_was_trained_on_and_what_came_of_it(study: tuple[Path, str, str]) -> None:
    folder, first, second = study
    with Workspace(folder) as workspace:
        found = registry.get(workspace, second).registration
        other = registry.get(workspace, first).registration
    assert found is not None
    assert other is not None
    assert found.data == other.data
    assert found.lineage.parent == first
    people = found.of("unseen_people")
    assert people is not None
    assert people.measured.questions == 4
    assert found.of("unseen_both") is not None
    assert found.gates is not None
    assert {g.name for g in found.gates.gates} == set(gates.TITLES)
    assert Registration.model_validate_json(found.model_dump_json()) == found


def test_an_approved_version_goes_before_a_newer_candidate(study: tuple[Path, str, str]) -> None:
    folder, first, _ = study
    told = done("models", "approve", "tastes@1", "--force", "--reason", "a trial", "-w", folder).out
    assert "tastes@1" in told
    assert "approved" in told
    with Workspace(folder) as workspace:
        assert registry.chosen(workspace, "tastes") == first
        log = audit.entries(workspace.connection)
    assert log[-1].verb == "models approve"
    assert log[-1].detail.startswith(first)
    card = (folder / "adapters" / first / "README.md").read_text()
    assert "status: **approved**" in card
    assert "a trial" in card
    again = mirrorpanel("models", "approve", first, "-w", folder)
    assert again.code == 1
    assert "approved already" in again.err


def test_a_retired_adapter_is_fielded_by_its_full_identifier_only(study: tuple[Path, str, str]) -> None:
    folder, first, second = study
    done("models", "retire", second, "-w", folder)
    with Workspace(folder) as workspace:
        assert registry.chosen(workspace, "tastes") == first
    done("models", "retire", first, "--reason", "old", "-w", folder)
    (folder / "study.yaml").write_text(ADAPTER_STUDY)
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert refused.code == 1
    assert "is retired" in refused.err
    (folder / "study.yaml").write_text(ADAPTER_STUDY.replace("adapter: tastes", f"adapter: {first}"))
    done("field", folder / "study.yaml", "-w", folder)


def failing(found: Registration) -> Registration:
    assert found.gates is not None
    bad = Gate(name="prior", outcome="failed", figure=-0.1, bound=0.0, sentence="worse, by much")
    kept = [g for g in found.gates.gates if g.name != "prior"]
    judged = found.gates.model_copy(update={"gates": (bad, *kept)})
    assert isinstance(judged, Gates)
    return found.model_copy(update={"gates": judged, "forced": True})


def test_a_failed_gate_stands_against_approval_unless_forced_with_a_reason(
    study: tuple[Path, str, str],
) -> None:
    folder, first, _ = study
    with Workspace(folder) as workspace:
        found = registry.get(workspace, first).registration
        assert found is not None
        with workspace.transaction("test", first):
            registry.write(workspace, first, failing(found))
        with pytest.raises(MirrorpanelError, match="better than its prior, the shares alone"):
            verbs.approve(workspace, first, "", forced=False)
        with pytest.raises(MirrorpanelError, match="--force --reason"):
            verbs.approve(workspace, first, "  ", forced=True)
        verbs.approve(workspace, first, "for a talk", forced=True)
        assert "although: prior" in audit.entries(workspace.connection)[-1].detail
    card = (folder / "adapters" / first / "README.md").read_text()
    assert "approved **although gates speak against it**: for a talk" in card
    assert "**registered although a gate failed**" in card
    assert "1 gate FAILED" in done("models", "list", "-w", folder).out


def test_models_show_tells_of_adapters_as_of_language_models(study: tuple[Path, str, str]) -> None:
    folder, _, second = study
    told = done("models", "show", "tastes", "-w", folder).out
    assert f"Adapter {second}: tastes, version 2, candidate" in told
    assert gates.TITLES["shuffled"] in told
    assert "log loss" in told
    assert done("models", "show", "tastes@1", "-w", folder, "--json").json["version"] == 1
    listed = done("models", "list", "-w", folder, "--json").json
    assert [a["version"] for a in listed["adapters"]] == [1, 2]
    refused = mirrorpanel("models", "show", "tasts", "-w", folder)
    assert refused.code == 1
    assert "'tastes'" in refused.err


def test_two_adapters_are_compared_on_people_that_neither_was_trained_on(
    study: tuple[Path, str, str],
) -> None:
    folder, first, second = study
    with Workspace(folder) as workspace:
        found = verbs.compare(workspace, first, "tastes@2", Machine())
        held = trained.groups(workspace, first, _people(workspace)).held_out.sum()
        with pytest.raises(MirrorpanelError, match="are the same adapter"):
            verbs.compare(workspace, "tastes", second, Machine())
    assert found.same_split
    assert found.people == held
    assert [p.part for p in found.parts] == ["unseen_people", "unseen_both"]
    assert found.verdict[-1].startswith(("Use", "Keep", "No reason"))
    told = "\n".join(adapters.compared_lines(found))
    assert "the same split" in told
    assert found.verdict[0] in told


def _people(workspace: Workspace) -> list[str]:
    return [str(r[0]) for r in workspace.rows("SELECT id FROM people ORDER BY place")]


def test_where_splits_differ_the_people_are_those_in_neither_training_part(
    study: tuple[Path, str, str], tiny_folder: Path
) -> None:
    folder, first, _ = study
    text = TRAIN.replace("smollm2-135m", str(tiny_folder))
    other = SPLIT.replace("seed: 4", "seed: 9").replace("museums", "parks")
    (folder / "other.yaml").write_text(
        text.replace(SPLIT, other).replace("adapter: tastes", "adapter: other")
    )
    done("train", folder / "other.yaml", "-w", folder)
    with Workspace(folder) as workspace:
        found = verbs.compare(workspace, first, "other", Machine())
        ids = _people(workspace)
        free = [trained.groups(workspace, a, ids).held_out for a in (first, found.second)]
    assert not found.same_split
    assert found.people == int(np.logical_and(*free).sum()) < int(free[0].sum())
    assert set(found.left_out) == {"museums", "parks"}
    assert [p.part for p in found.parts] == ["unseen_people"]
    assert "only one of the two was trained on" in found.verdict[-1]


def new_wave(folder: Path) -> None:
    """A second survey of other people, in which many more like tea."""
    lines = (folder / "people.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines[1:]]
    for i, row in enumerate(rows):
        row[0] = f"w{row[0]}"
        if i % 3 != 0 and row[4] == "0":
            row[4] = "1"
    text = "\n".join([lines[0], *(",".join(row) for row in rows)]) + "\n"
    (folder / "wave.csv").write_text(text, encoding="utf-8")
    ground = GROUND.replace("people.csv", "wave.csv").replace("panel: own", "panel: own-2027")
    (folder / "wave.yaml").write_text(ground, encoding="utf-8")


def assert_figures_are_its_own(card: str, parent: str, fresh: registry.Registered) -> None:
    """The head and tables of a recalibrated adapter's card are those of its own registration."""
    kept = fresh.registration
    assert kept is not None
    figures = kept.of("unseen_people")
    assert figures is not None
    head, before = (yaml.safe_load(text.split("---")[1]) for text in (card, parent))
    assert head["datasets"] == [fresh.panel] != before["datasets"]
    metrics = {m["name"]: m["value"] for m in head["model-index"][0]["results"][0]["metrics"]}
    assert metrics["log loss"] == pytest.approx(figures.measured.log_loss, abs=1e-6)
    assert f"- data {kept.data[:16]}" in card
    assert card.count("| log loss, nats for each answer |") == 1
    assert parent.split("### People never trained on")[1].split("###")[0] not in card
    assert card.count("- made by: ") == 1
    for kept_title in ("## Intended use", "## Limits", "## Procedure", "## Citation"):
        assert card.count(kept_title) == 1
    assert card.endswith("\n")


def test_a_new_wave_recalibrates_an_adapter_into_a_new_version(study: tuple[Path, str, str]) -> None:
    folder, _, second = study
    new_wave(folder)
    with Workspace(folder) as workspace:
        wave = str(folder / "wave.yaml")
        cache = folder / "cache"
        looked = rechecking.rechecked(workspace, "tastes", wave, cache, Machine(), print, settings=QUICK)
        assert looked.found.advice == "recalibrate"
        assert [q.name for q in looked.found.moved] == ["tea"]
        assert looked.fresh is None
        made = rechecking.rechecked(
            workspace, "tastes", "own-2027", cache, Machine(), print, recalibrate=True, settings=QUICK
        )
        fresh = made.fresh
        assert fresh is not None
        assert fresh.version == 3
        assert fresh.registration is not None
        assert fresh.registration.lineage.parent == second
        before = trained.ids(workspace, second)
        after = trained.ids(workspace, fresh.adapter)
        assert before < after
        found = verbs.compare(workspace, second, fresh.adapter, Machine())
        assert found.parts[0].difference.log_loss.value > 0
        with pytest.raises(MirrorpanelError, match="was fitted on panel"):
            rechecking.rechecked(workspace, fresh.adapter, "own-2027", cache, Machine(), print)
        with pytest.raises(MirrorpanelError, match="or name the grounding file"):
            rechecking.rechecked(workspace, second, "own-2031", cache, Machine(), print)
    card = (folder / "adapters" / fresh.adapter / cards.MODEL).read_text()
    assert f"follows {second}: shares of 1 question renewed from panel {made.panel}" in card
    assert "## Recalibrated" in card
    assert_figures_are_its_own(card, (folder / "adapters" / second / cards.MODEL).read_text(), fresh)
    assert f"- made by: `mirrorpanel train {second} --recheck {made.panel} --recalibrate`" in card
    assert (folder / "reports" / made.panel / "audit.html").is_file()
    assert "wave.csv" in (folder / "adapters" / fresh.adapter / cards.DATA).read_text()
    told = "\n".join(adapters.rechecked_lines(made))
    assert "RECALIBRATE" in told
    assert told.endswith(str(made.page))
    page, twin = made.page.read_text(encoding="utf-8"), made.page.with_suffix(".json")
    assert "moved: recalibrate" in page
    assert "Do you like tea?" in page
    assert "default-src 'none'" in page
    assert json.loads(twin.read_text(encoding="utf-8"))["advice"] == "recalibrate"
    assert made.page.parent.name == second
    assert "tea: shares moved by" in told
    assert "Recalibrated: tastes@3" in told


def test_somebody_trained_on_before_is_a_leak_among_those_scored_on_in_a_new_wave(
    study: tuple[Path, str, str],
) -> None:
    folder, _, second = study
    with Workspace(folder) as workspace:
        ready = training_data.prepared(workspace, folder / "train.yaml", lambda line: None)
        model = lineup.adapter_model(
            workspace, workspace.record("adapters", "adapter", second, AdapterRecord), Machine()
        )
        held = assessing.held_out(ready).people.ids
        found = assessing.assess(
            workspace, second, ready, model, print, forced=True, earlier=[held[0], "somebody else"]
        )
    assert found.registration.gates is not None
    gate = next(g for g in found.registration.gates.gates if g.name == "leakage")
    assert gate.outcome == "failed"
    assert "1 of the people whose later answers are scored on were trained on" in gate.sentence
    assert f"against {len(ready.data.people) + 2:,} and" in gate.sentence


def test_two_questions_of_the_same_words_do_not_stop_the_leakage_suite(study: tuple[Path, str, str]) -> None:
    folder, _, second = study
    with Workspace(folder) as workspace:
        record = workspace.record("adapters", "adapter", second, AdapterRecord)
        model = lineup.adapter_model(workspace, record, Machine())
    asked = model.config.questions
    twins = model.config.model_copy(update={"questions": (*asked[:-1], asked[0])})
    found = assessing.vectors(replace(model, config=twins), [*asked[:-1], asked[0]])
    assert found.shape[0] == len(asked)


def test_a_wave_is_audited_and_judged_before_anything_is_registered(
    study: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, second = study
    new_wave(folder)
    cache = folder / "cache"

    def stop(audit: object, page: Path) -> None:
        raise DataError(f"stopped by {page.name}")

    def wrong(*given: object, **named: object) -> Gates:
        judged = Registration.model_validate(registration).gates
        assert judged is not None
        bad = Gate(name="prior", outcome="failed", figure=-0.1, bound=0.0, sentence="worse, by much")
        return judged.model_copy(update={"gates": (bad, *judged.gates[2:])})

    with Workspace(folder) as workspace:
        registration = registry.get(workspace, second).registration
        panel = grounding.ground(workspace, folder / "wave.yaml", cache, print).panel
        number = len(registry.listing(workspace))

        def again(forced: bool = False) -> rechecking.Rechecked:
            return rechecking.rechecked(
                workspace, second, panel, cache, Machine(), print, True, QUICK, forced=forced
            )

        with monkeypatch.context() as patched:
            patched.setattr("training.audit.audit.refuse", stop)
            with pytest.raises(DataError, match=r"stopped by audit\.html"):
                again()
        monkeypatch.setattr("training.registry.gates.judge", wrong)
        with pytest.raises(DataError, match="1 gate failed"):
            again()
        assert len(registry.listing(workspace)) == number
        fresh = again(forced=True).fresh
    assert fresh is not None
    assert fresh.registration is not None
    assert fresh.registration.forced


def test_a_wave_that_may_no_longer_be_used_is_not_looked_at(
    study: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, second = study
    new_wave(folder)
    with Workspace(folder) as workspace:
        panel = grounding.ground(workspace, folder / "wave.yaml", folder / "cache", print).panel
        asked: list[tuple[str, str]] = []

        def expired(opened: Workspace, name: str, verb: str) -> None:
            asked.append((name, verb))
            if name == panel:
                raise DataError("its retention date has passed")

        monkeypatch.setattr("mirrorpanel.sources.refuse_expired", expired)
        with pytest.raises(DataError, match="retention date"):
            rechecking.rechecked(workspace, second, panel, folder / "cache", Machine(), print)
        assert asked == [(registry.get(workspace, second).panel, "train"), (panel, "train")]


def test_what_was_learned_of_erased_people_is_not_recalibrated(study: tuple[Path, str, str]) -> None:
    folder, _, second = study
    new_wave(folder)
    flag = Flag(people=1, receipts=("r1",))
    with Workspace(folder) as workspace:
        workspace.connection.execute(
            "UPDATE adapters SET flagged = ? WHERE adapter = ?", [flag.model_dump_json(), second]
        )
        with pytest.raises(MirrorpanelError, match="people it was trained on were erased"):
            rechecking.rechecked(
                workspace, second, str(folder / "wave.yaml"), folder / "cache", Machine(), print, True, QUICK
            )


def test_a_retired_version_comes_back_only_with_a_reason(study: tuple[Path, str, str]) -> None:
    folder, first, _ = study
    done("models", "retire", first, "--reason", "old", "-w", folder)
    refused = mirrorpanel("models", "approve", first, "--force", "-w", folder)
    assert refused.code == 1
    assert "was retired on" in refused.err
    assert "(old)" in refused.err
    told = done("models", "approve", first, "--force", "--reason", "the new one failed", "-w", folder).out
    assert "It had been retired on" in told
    with Workspace(folder) as workspace:
        assert "which was retired before" in audit.entries(workspace.connection)[-1].detail


def test_a_failed_gate_refuses_the_registration(study: tuple[Path, str, str]) -> None:
    folder, first, _ = study
    with Workspace(folder) as workspace:
        ready = training_data.prepared(workspace, folder / "train.yaml", lambda line: None)
        record = workspace.record("adapters", "adapter", first, AdapterRecord)
        model = lineup.adapter_model(workspace, record, Machine())
        wrong = ready.groups._replace(held_out=ready.groups.trained)
        object.__setattr__(ready, "groups", wrong)
        with pytest.raises(
            DataError, match="the adapter is not registered, as 1 gate failed: nothing held out"
        ):
            assessing.assess(workspace, "tastes-x", ready, model, lambda line: None)


def test_the_data_card_is_made_from_the_workspace(study: tuple[Path, str, str]) -> None:
    folder, first, _ = study
    with Workspace(folder) as workspace:
        record = workspace.record("adapters", "adapter", first, AdapterRecord)
        panel = registry.get(workspace, first).panel
        facts = cards.data_facts(workspace, panel, record, ("tea", "coffee"), "c0ffee" * 8)
        assert cards.licences(workspace, panel) == ("own",)
    text = data_card.text(facts)
    assert "people.csv" in text
    assert f"people trained on: {record.split.people_trained:,}" in text
    assert "controller not recorded" in text
    assert "**missing**: controller, legal basis, purpose, retention date" in text
    assert "Art. 50" in text
    assert "special categories (Art. 9): none let in" in text
    assert "| age_group | observed | an own survey | own |" in text
