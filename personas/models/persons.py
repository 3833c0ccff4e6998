"""Attribute-set person vectors: any subset of the attributes, unknown ones simply add nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray
from personas.document import Document
from personas.models.kernel import row_blocks, similarity
from personas.panel import UNKNOWN, Panel

_TEXT_LENGTH = 0.5
_JITTER = 1e-6
_MANY = 64  # values above which an attribute is a text: its values are known by what they say alone

AttributeVectors = Callable[[Sequence[tuple[str, str]]], FloatArray]
"""Encodes (attribute, value) pairs, shape (n_layers, n_pairs, dim)."""


class Attribute(Document):
    """An attribute that the model was trained on, with the values seen and how common each was."""

    name: str
    levels: tuple[str, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class PersonEncoder:
    """Maps what is known of a person to a vector.

    Each value has a row of features whose inner products are the kernel between values of one
    attribute, ``(1 - text) * same value + text * similarity of the two texts``. A person is the sum of
    the rows of what is known, each less the average row of its attribute, with the share of attributes
    known in front. A person of whom nothing is known is therefore the zero vector. An attribute with more
    than 64 values is free text: only the texts count, along their 64 strongest directions.

    Attributes:
        attributes: in the order of ``vectors``.
        vectors: language-model vector of every value, shape (n_layers, n_values, dim).
        text: share of the kernel that comes from the texts, in [0, 1).
    """

    attributes: tuple[Attribute, ...]
    vectors: FloatArray
    text: float

    @property
    def width(self) -> int:
        """Length of a person vector."""
        return 1 + sum(self._widths)

    def encode(self, panel: Panel, vectors_of: AttributeVectors | None = None) -> FloatArray:
        """Person vectors, shape (n_persons, width).

        Attributes that were not trained on are left out. Values that were not trained on are placed by
        the text kernel, for which ``vectors_of`` encodes them; where ``text`` is 0 they are like no other
        value and nothing is encoded.

        Raises:
            ValueError: the panel has a new value that must be encoded and ``vectors_of`` is missing.
        """
        out = np.zeros((len(panel), self.width))
        start = 1
        for attribute, rows, width in zip(self.attributes, self._slices(), self._widths, strict=True):
            if attribute.name in panel.attributes:
                column = panel.attributes.index(attribute.name)
                codes = panel.codes[:, column]
                known = codes != UNKNOWN
                used, places = np.unique(codes[known], return_inverse=True)
                levels = [panel.levels[column][int(code)] for code in used]
                features = self._features(attribute, self.vectors[:, rows], levels, vectors_of)
                out[known, start : start + width] = features[places]
                out[known, 0] += 1.0 / len(self.attributes)
            start += width
        return out

    def to_encode(self, panel: Panel) -> list[tuple[str, str]]:
        """Attributes and values of the panel's persons that ``encode`` would have encoded, each once."""
        found: list[tuple[str, str]] = []
        for attribute in self.attributes:
            if attribute.name not in panel.attributes or not self._reads(attribute):
                continue
            column = panel.attributes.index(attribute.name)
            used = np.unique(panel.codes[panel.codes[:, column] != UNKNOWN, column])
            levels = [panel.levels[column][int(code)] for code in used]
            known = set(attribute.levels)
            found += [(attribute.name, level) for level in levels if level not in known]
        return found

    def _reads(self, attribute: Attribute) -> bool:
        """Whether what the values of an attribute say counts."""
        return self.text > 0 or len(attribute.levels) > _MANY

    def onto(self, other: "PersonEncoder") -> FloatArray:
        """Matrix M (own width, other's width): ``M @ effects`` are the effects of ``other`` on own vectors.

        Attributes and values are matched by name, whatever their case; those that ``other`` does not know
        have no effect. Exact but for what either calls an average person; free texts are not matched.
        """
        out = np.zeros((self.width, other.width))
        out[0, 0] = len(self.attributes) and 1.0
        theirs = other._values()
        for attribute, start, rows in zip(self.attributes, self._starts(), self._slices(), strict=True):
            if len(attribute.levels) > _MANY:
                continue
            unknown = np.zeros(other.width)
            names = [(attribute.name.casefold(), level.casefold()) for level in attribute.levels]
            values = np.stack([theirs.get(name, unknown) for name in names])
            # A value's row of features times these effects is the effect of the value.
            root = self._root(attribute, self.vectors[:, rows])[1]
            out[start : start + len(values)] = np.linalg.solve(root, values)
        return out

    def _values(self) -> dict[tuple[str, str], FloatArray]:
        """Features of each value, without taking away the average, by attribute and value in lower case."""
        found: dict[tuple[str, str], FloatArray] = {}
        for attribute, start, rows in zip(self.attributes, self._starts(), self._slices(), strict=True):
            if len(attribute.levels) > _MANY:
                continue
            root = self._root(attribute, self.vectors[:, rows])[1]
            for level, features in zip(attribute.levels, root, strict=True):
                whole = np.zeros(self.width)
                whole[start : start + len(features)] = features
                found[attribute.name.casefold(), level.casefold()] = whole
        return found

    def _root(self, attribute: Attribute, vectors: FloatArray) -> tuple[float, FloatArray]:
        """Share of the kernel that comes from the texts, and the features of the attribute's values."""
        centre = vectors.mean(axis=1, keepdims=True)
        many = len(attribute.levels) > _MANY
        text = 1.0 if many else self.text
        alike = similarity(vectors - centre, vectors - centre, _TEXT_LENGTH)
        gram = text * alike + (1.0 - text + _JITTER) * np.eye(len(alike))
        root = _strongest(gram) if many else np.linalg.cholesky(gram)
        return text, np.asarray(root, dtype=np.float64)

    def _starts(self) -> list[int]:
        return [1 + block.start for block in row_blocks(self._widths)]

    @property
    def _widths(self) -> list[int]:
        return [min(len(a.levels), _MANY) for a in self.attributes]

    def missing(self, panel: Panel) -> list[str]:
        """Attributes that were trained on and that the panel does not have at all."""
        return [a.name for a in self.attributes if a.name not in panel.attributes]

    def unseen(self, panel: Panel) -> dict[str, tuple[str, ...]]:
        """Values of the panel's persons that were not trained on, by attribute; free texts are never new."""
        found: dict[str, tuple[str, ...]] = {}
        for attribute in self.attributes:
            if attribute.name not in panel.attributes or len(attribute.levels) > _MANY:
                continue
            column = panel.attributes.index(attribute.name)
            used = np.unique(panel.codes[:, column])
            levels = [panel.levels[column][int(code)] for code in used if code != UNKNOWN]
            if new := tuple(level for level in levels if level not in attribute.levels):
                found[attribute.name] = new
        return found

    def _slices(self) -> list[slice]:
        return row_blocks([len(a.levels) for a in self.attributes])

    def _features(
        self,
        attribute: Attribute,
        vectors: FloatArray,
        levels: Sequence[str],
        vectors_of: AttributeVectors | None,
    ) -> FloatArray:
        """Centred feature row of each of ``levels``, shape (n_levels, n_trained_levels)."""
        centre = vectors.mean(axis=1, keepdims=True)
        text, root = self._root(attribute, vectors)
        average = np.asarray(attribute.shares) @ root
        place = {level: i for i, level in enumerate(attribute.levels)}
        out = np.zeros((len(levels), root.shape[1]))
        out[[v in place for v in levels]] = root[[place[v] for v in levels if v in place]]
        new = [v for v in levels if v not in place]
        if new and text > 0:
            if vectors_of is None:
                raise ValueError(
                    f"attribute {attribute.name!r} has untrained values {new}; an encoder is needed"
                )
            fresh = vectors_of([(attribute.name, level) for level in new])
            cross = text * similarity(fresh - centre, vectors - centre, _TEXT_LENGTH)
            out[[v not in place for v in levels]] = cross @ np.linalg.pinv(root).T
        return np.asarray(out - average, dtype=np.float64)


def _strongest(gram: FloatArray) -> FloatArray:
    """Root of a kernel matrix along its strongest directions, shape (n, 64)."""
    values, vectors = np.linalg.eigh(gram)
    return vectors[:, -_MANY:] * np.sqrt(np.maximum(values[-_MANY:], 0.0))


def person_encoder(
    panel: Panel, names: Sequence[str], text: float, vectors_of: AttributeVectors
) -> PersonEncoder:
    """An encoder for the attributes named, from a panel of real people and their weights.

    Raises:
        ValueError: an attribute that is not known of anybody with a positive weight.
    """
    chosen = panel.select(names)
    attributes = tuple(
        Attribute(name=name, levels=levels, shares=tuple(_level_shares(chosen, a, len(levels))))
        for a, (name, levels) in enumerate(zip(chosen.attributes, chosen.levels, strict=True))
    )
    pairs = [(a.name, level) for a in attributes for level in a.levels]
    return PersonEncoder(attributes, vectors_of(pairs), text)


def _level_shares(panel: Panel, column: int, n_levels: int) -> list[float]:
    codes = panel.codes[:, column]
    known = codes != UNKNOWN
    total = np.bincount(codes[known], weights=panel.weights[known], minlength=n_levels)
    if not total.sum() > 0:
        raise ValueError(f"attribute {panel.attributes[column]!r} is not known of anybody; leave it out")
    return list(total / total.sum())
