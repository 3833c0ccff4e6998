from pathlib import Path

import pytest

from mirrorpanel import places
from personas.errors import DocumentError

TEXT = "adapter: a\npanel: p\nsplit:\n  people: 0.3\n  segment:\n    Region: [West]\n"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("split.segment.Region: no level 'West'", "6: split.segment.Region: no level 'West'"),
        ("split: too little: 3 people", "3: split: too little: 3 people"),
        ("nobody is left: 0", "3: split: nobody is left: 0"),
    ],
)
def test_a_refusal_names_the_line_of_the_deepest_key(message: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(TEXT, encoding="utf-8")
    with pytest.raises(DocumentError) as caught, places.named(file, "split"):
        raise DocumentError(message)
    assert str(caught.value) == f"{file}:{expected}"
