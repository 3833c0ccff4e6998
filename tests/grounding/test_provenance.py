from grounding.provenance import Kind, Provenance, known, tally


def entries(*kinds: tuple[str, Kind]) -> list[Provenance]:
    return [Provenance(attribute, kind, "own", "", "", "", "") for attribute, kind in kinds]


def test_an_attribute_that_is_imputed_for_some_counts_once_as_what_it_is_for_the_others():
    found = entries(
        ("age", "observed"),
        ("sex", "observed"),
        ("spend", "matched"),
        ("sex", "imputed"),
        ("region", "imputed"),
    )
    kinds = known(found)
    assert kinds == {
        "age": "observed",
        "sex": "observed, imputed in part",
        "spend": "matched",
        "region": "imputed",
    }
    assert tally(kinds) == "2 observed, 1 of them imputed in part, 1 matched, 1 imputed"


def test_attributes_of_one_kind_each_are_only_counted():
    assert tally(known(entries(("age", "modelled"), ("sex", "modelled")))) == "2 modelled"
