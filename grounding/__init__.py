"""Sources become a weighted panel of persons whose every attribute says where it comes from."""

from grounding.build import Grounded, ground
from grounding.provenance import Provenance
from grounding.spec import GroundSpec

__all__ = ["GroundSpec", "Grounded", "Provenance", "ground"]
