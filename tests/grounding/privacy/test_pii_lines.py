"""The benchmark's generator: right check digits by its own rules, and the gate on a small sample."""

import numpy as np

from benchmarks import pii_lines, pii_secrets
from grounding.privacy import pii_checks as checks
from grounding.privacy.pii import mask


def test_the_generators_check_digits_are_right_by_independent_rules():
    rng = np.random.default_rng(4)
    for _ in range(50):
        assert checks.iban(pii_secrets.iban(rng, "de"))
        assert checks.valid("de.idnr", pii_secrets.tax_id(rng))
        assert checks.social_insurance(pii_secrets.pension(rng))
        assert checks.health_insurance(pii_secrets.health(rng))
        assert checks.card(pii_secrets.card(rng))
        assert checks.valid("gb.nhs", pii_secrets.nhs(rng))
        assert checks.valid("fr.nir", pii_secrets.nir(rng))
        assert checks.article_number(pii_secrets.ean(rng))
        assert checks.valid("isbn", pii_secrets.isbn(rng))


def test_planted_places_hold_what_was_planted():
    for line in pii_lines.dirty(np.random.default_rng(5), 200):
        assert line.planted
        assert all(0 <= a < b <= len(line.text) for a, b in line.planted)


def test_a_sample_of_the_benchmark_is_masked_and_its_look_alikes_are_not():
    dirty = pii_lines.dirty(np.random.default_rng(6), 300)
    clean = pii_lines.clean(np.random.default_rng(7), 300)
    found = sum(bool(mask(line.text).finds) for line in dirty)
    alarms = sum(bool(mask(line.text).finds) for line in clean)
    assert found >= 297
    assert alarms <= 6
