import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.gradients import memorised
from training.gradients.memorised import MemorySettings
from training.gradients.open_ends import OpenEnd

SECRET = "when my old boat sank near the lighthouse nobody came to help us"
PHRASE = "thank you very much for letting me take part in this"
TRAINING = (
    OpenEnd("a", "Anything else?", SECRET, {}),
    *(OpenEnd(p, "Anything else?", PHRASE, {}) for p in "bcd"),
    OpenEnd("e", "Anything else?", "we always eat goose there", {}),
)
HELD_OUT = tuple(
    OpenEnd(f"h{i}", "Anything else?", text, {})
    for i, text in enumerate(["no", "nothing at all to add here thank you", PHRASE, "I liked it"])
)
SETTINGS = MemorySettings()


def test_a_run_that_one_person_wrote_is_found_and_a_phrase_of_many_is_not() -> None:
    texts = ["Yes: my old boat sank near the lighthouse, sadly.", PHRASE, "we like boats near the lighthouse"]
    found = memorised.rare_runs(texts, TRAINING, SETTINGS)
    assert [" ".join(run) for run in found] == ["my old boat sank near the lighthouse"]
    assert memorised.copied(texts, TRAINING, SETTINGS) == [found[0], (), ()]


def test_a_whole_answer_counts_from_four_words_where_few_people_gave_it() -> None:
    assert memorised.rare_runs(["We always eat goose there!"], TRAINING, SETTINGS)
    assert not memorised.rare_runs(["we always eat goose"], TRAINING, SETTINGS)
    assert not memorised.rare_runs(["I liked it"], TRAINING, SETTINGS)


def test_words_of_the_question_are_no_memory() -> None:
    question = "What do you like about the recommendation system of this place"
    rows = (OpenEnd("a", question, "what I like about the recommendation system of this place is", {}),)
    assert memorised.rare_runs(["oh, about the recommendation system of this place"], rows, SETTINGS) == []


@settings(deadline=None)
@given(st.integers(0, 6), st.integers(6, 13), st.lists(st.sampled_from("pqrst"), max_size=5))
def test_the_longest_run_is_found_whole_wherever_it_stands(start: int, end: int, around: list[str]) -> None:
    piece = SECRET.split()[start:end]
    text = " ".join([*around, *piece, *around])
    found = memorised.rare_runs([text], TRAINING, SETTINGS)
    assert found == ([tuple(piece)] if len(piece) >= SETTINGS.words else [])


def test_a_result_holds_no_word_of_what_was_remembered() -> None:
    result = memorised.runs([SECRET, "hello"], TRAINING, HELD_OUT, SETTINGS)
    assert (result.texts, result.found, result.longest, result.passed) == (2, 1, 13, False)
    assert result.outlines == ("xxxx xx xxx xxxx xxxx xxxx xxx xxxxxxxxxx xxxxxx xxxx xx xxxx xx",)
    text = memorised.Memorisation(runs=result, completions=None, exposures=None)
    assert not text.passed
    printed = text.model_dump_json() + " ".join(text.describe())
    assert not any(word in printed for word in ("boat", "lighthouse", "nobody"))


def test_runs_that_other_real_people_write_as_often_are_no_memory() -> None:
    alike = (*HELD_OUT, OpenEnd("h9", "Anything else?", SECRET, {}))
    assert memorised.runs([SECRET] + ["hello"] * 9, TRAINING, alike, SETTINGS).passed
    assert not memorised.runs([SECRET] + ["hello"] * 3, TRAINING, alike, SETTINGS).passed
    with pytest.raises(ValueError, match="written texts"):
        memorised.runs([], TRAINING, HELD_OUT, SETTINGS)


def test_a_model_that_completes_what_it_was_trained_on_fails() -> None:
    long = tuple(OpenEnd(f"h{i}", "?", "this is some other answer that somebody gave", {}) for i in range(4))
    known = {" ".join(SECRET.split()[:4]): " ".join(SECRET.split()[4:])}

    def parrot(rows: Sequence[OpenEnd], first: Sequence[str]) -> list[str]:
        return [known.get(f, "and so on") for f in first]

    def honest(rows: Sequence[OpenEnd], first: Sequence[str]) -> list[str]:
        return ["and so on"] * len(rows)

    bad = memorised.completions(parrot, TRAINING, long, SETTINGS)
    good = memorised.completions(honest, TRAINING, long, SETTINGS)
    assert bad is not None
    assert (bad.tried, bad.found, bad.real_found, bad.passed) == (1, 1, 0, False)
    assert good is not None
    assert good.passed
    assert memorised.completions(honest, TRAINING, HELD_OUT[:1], SETTINGS) is None


def test_exposure_is_ten_bits_for_the_first_of_1024_and_about_one_without_memory() -> None:
    rng = np.random.default_rng(0)
    planted = memorised.canaries(40, rng)
    assert len({c.answer for c in planted}) == 40

    def remembers(row: OpenEnd, answers: Sequence[str]) -> np.ndarray:
        return np.array([float(a == row.answer) for a in answers])

    told = memorised.exposures(remembers, planted[:2], SETTINGS, rng)
    assert told.bits == (10.0, 10.0)
    assert not told.passed
    noise = np.random.default_rng(1)
    blind = memorised.exposures(lambda _, a: noise.normal(size=len(a)), planted, SETTINGS, rng)
    # log2(n) less log2 of a uniform rank has mean log2(e) = 1.44 and standard deviation 1.44.
    assert np.mean(blind.bits) == pytest.approx(math.log2(math.e), abs=4 * 1.44 / np.sqrt(40))
    level = memorised.exposures(lambda _, a: np.zeros(len(a)), planted[:1], SETTINGS, rng)
    assert level.bits == (0.0,)
    assert level.passed


def test_the_verdict_says_each_test_in_a_sentence() -> None:
    result = memorised.Memorisation(
        runs=memorised.runs(["hello there"], TRAINING, HELD_OUT, SETTINGS),
        completions=memorised.Completions(tried=3, found=0, real_tried=2, real_found=0),
        exposures=memorised.Exposures(bits=(1.0, 2.5), candidates=1024, limit=9.0),
    )
    assert result.passed
    lines = result.describe()
    assert lines[0].startswith("0 of 1 written texts repeat")
    assert lines[1] == (
        "0 of 3 training answers are completed from their first words; 0 of 2 answers of other people are."
    )
    assert "2.5 bits (limit 9.0, highest possible 10.0)" in lines[2]
    assert "long enough" in result.model_copy(update={"completions": None}).describe()[1]
