"""Sources become a weighted panel of persons whose every attribute says where it comes from."""

from typing import TYPE_CHECKING

from personas.late import late

if TYPE_CHECKING:
    from grounding.build import Grounded, ground
    from grounding.provenance import Provenance
    from grounding.spec import GroundSpec
else:
    __getattr__, __dir__ = late(
        __name__,
        {
            "GroundSpec": "grounding.spec",
            "Grounded": "grounding.build",
            "Provenance": "grounding.provenance",
            "ground": "grounding.build",
        },
    )

__all__ = ["GroundSpec", "Grounded", "Provenance", "ground"]
