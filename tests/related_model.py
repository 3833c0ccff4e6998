"""A persona model in which a person's answers share more than the attributes explain, and a panel for it."""

from dataclasses import replace

import numpy as np
from simulated_survey import questions
from word_encoder import WordEncoder

from personas.answer import NO_ANSWER, Answers
from personas.models import projection
from personas.models.factored import (
    FactoredConfig,
    FactoredModel,
    attribute_vectors,
    known_head,
    option_blocks,
    question_option_vectors,
)
from personas.models.head import Kernels, normalised
from personas.models.kernel import KernelSettings, option_set
from personas.models.persons import person_encoder
from personas.models.residuals import Residuals
from personas.panel import Panel, from_columns
from personas.question import Question

TRAINED = questions()
ASKED, KNOWN = TRAINED[:4], TRAINED[4:8]
KERNEL = KernelSettings(text=1.0, position=0.3, length=0.5, noise=0.1)


def panel(n: int) -> Panel:
    """Persons of three ages, of every second of whom four answers are known."""
    ages = ["18 to 34 years", "35 to 54 years", "55 years or more"]
    people = from_columns([f"p{i}" for i in range(n)], {"age": [ages[i % 3] for i in range(n)]}, np.ones(n))
    rng = np.random.default_rng(5)
    chosen = rng.integers(3, size=(n, 1)) + rng.integers(-1, 2, size=(n, len(KNOWN)))
    chosen = np.where(np.arange(n)[:, None] % 2, np.clip(chosen, 0, 2), NO_ANSWER)
    return replace(people, known=Answers(KNOWN, chosen))


def model(
    strength: float = 1.2, trained: tuple[Question, ...] = TRAINED, persons: Panel | None = None
) -> FactoredModel:
    """A model in which all questions load on one dimension; with strength 0 nothing is shared."""
    encoder, rng = WordEncoder(), np.random.default_rng(3)
    persons = panel(3) if persons is None else persons
    people = person_encoder(persons, persons.attributes, 0.0, lambda pairs: attribute_vectors(encoder, pairs))
    blocks = option_blocks(trained)
    log_prior = normalised(rng.normal(0.0, 0.4, blocks[-1].stop), blocks)
    effects = 0.3 * rng.normal(size=(people.width, len(log_prior)))
    config = FactoredConfig(
        name="related", base_model="words", base_fingerprint="words", layers=(0, 1), questions=trained,
        attributes=people.attributes, text=0.0, split="none", seed=1,
        kernels=Kernels(shares=KERNEL, effects=KERNEL, amplitude=0.5, least_support=0.2),
    )  # fmt: skip
    vectors = question_option_vectors(encoder, trained)
    space = projection.fitted(vectors)
    options = option_set(trained, space.apply(vectors))
    sizes = tuple(len(q.options) for q in trained)
    loadings = np.concatenate([np.linspace(-1.0, 1.0, n) for n in sizes])[:, None] * strength
    shares = np.exp(log_prior)
    residuals = Residuals(loadings if strength else loadings[:, :0], shares, sizes)
    head = known_head(config, log_prior, effects)
    extra = np.zeros(len(log_prior))
    return FactoredModel(config, options, space, people, head, extra, lambda: encoder, residuals)
