"""Text that has nothing to do with surveys: how much of the language a tuned model has forgotten.

The sentences were written for this package, so that no licence touches them and no respondent is in them.
"""

from collections.abc import Sequence

import numpy as np

from personas.arrays import BoolArray, IntArray
from personas.document import Document
from personas.models.language import LanguageModel
from personas.models.tree import ROOT, Batch, Segment, pack, stack
from training.gradients import objectives
from training.gradients.backbone import Backbone

SENTENCES = (
    "Water boils at a lower temperature high up in the mountains, because the air presses on it less.",
    "To change a bicycle tyre, take out the wheel, let out the air and lift the tyre off the rim.",
    "A leap year has 366 days, and the extra day is added at the end of February.",
    "Bees dance to tell each other where the flowers are and how far they have to fly.",
    "Put the flour into a bowl, make a hollow in the middle and pour in the warm milk with the yeast.",
    "The moon turns once around itself in the time in which it goes once around the earth.",
    "Iron rusts when it is left in damp air, while gold keeps its shine for thousands of years.",
    "Before you paint a wall, wash it, fill the holes and let everything dry overnight.",
    "In a library the books are kept in an order that lets every reader find them again.",
    "A triangle with sides of three, four and five units has one right angle.",
    "Rivers carry sand and mud to the sea, where they slowly build new land.",
    "If the lamp does not light up, check first whether the plug is in the socket.",
    "The heart of a resting adult beats about seventy times in a minute.",
    "Tea is made from the leaves of a shrub that grows best on cool and rainy hills.",
    "A compass needle points to the north because the earth itself is a weak magnet.",
    "Save your work often, and keep a second copy of it in another place.",
    "Most trees of the north drop their leaves in autumn and grow new ones in spring.",
    "When two numbers are multiplied, it does not matter which of them comes first.",
    "The train left the station at seven minutes past nine and arrived a little before noon.",
    "Wool keeps warm even when it is wet, which is why sailors have long worn it.",
    "Salt lowers the temperature at which water freezes, so it is strewn on icy roads.",
    "To tie the parcel, lay the string around it twice and pull the knot tight with one finger on it.",
    "Sound travels about a kilometre in three seconds, light almost in no time at all.",
    "A good map shows not only the roads but also the heights and the streams.",
    "Potatoes came to Europe by ship and were grown at first for the sake of their flowers.",
    "The baker gets up at two in the morning so that there is fresh bread at six.",
    "An odd number plus an odd number is always an even number.",
    "Cut the onions into thin rings and fry them slowly in butter until they are golden.",
    "Whales breathe air, and so they have to come up to the surface again and again.",
    "The bridge is closed for repairs; drivers are asked to take the road along the river.",
    "Glass is made of sand, soda and lime, which are melted together in a very hot furnace.",
    "A sentence begins with a capital letter and ends with a full stop or a question mark.",
    "Cats see well in the dark, but they too need a little light.",
    "The shadow of a stick is shortest at noon and points away from the sun.",
    "Turn the key to the left, push the door firmly and then lower the handle.",
    "Every whole number above one is either a prime or a product of primes.",
    "In winter the birds find little food, and many of them fly south.",
    "A hundred years ago most letters were written by hand and took several days to arrive.",
    "The gardener waters the beds in the evening, when the soil has cooled down.",
    "Copper conducts electricity well and can be drawn into very thin wires.",
    "First read the whole instruction, then lay out all the parts on the floor.",
    "The three states of matter that everybody knows are solid, liquid and gas.",
    "The old clock on the tower is five minutes slow, and the whole village lives by it.",
    "A rainbow appears when the sun shines on rain from behind the person who looks at it.",
    "The circumference of a circle is a little more than three times its diameter.",
    "Coal is what is left of forests that grew many millions of years ago.",
    "Ask at the counter for a form, fill it in with block letters and bring two photographs.",
    "Olive oil turns cloudy in the refrigerator and becomes clear again in a warm room.",
    "A violin has four strings, a guitar usually six and a concert harp forty-seven.",
    "Heavy snow fell during the night, and in the morning the school stayed closed.",
    "A program that never ends can still be correct, but it is hard to test.",
    "The ferry crosses the lake every hour, in summer also late in the evening.",
    "Leather shoes last longer if they are greased and dried slowly, never on a heater.",
    "Earthworms loosen the soil and turn dead leaves into food for the roots.",
    "He put the ladder against the wall, climbed up and took the ball out of the gutter.",
    "Two thirds of a dozen eggs are eight eggs, and half of what is left is two.",
    "The wind comes from the sea by day and from the land at night.",
    "Milk turns sour more slowly when it is kept cold and closed.",
    "The museum shows tools of stone and bone that were found in a cave near the coast.",
    "Close the windows before the storm, bring in the chairs and tie up the boat.",
)
"""Facts and instructions of everyday life, in the package's own words."""

DRAWN = 4
"""Sentences in one step of training."""


class Forgetting(Document):
    """What a tuned model has forgotten of neutral text.

    Attributes:
        base: mean loss of the base, in nats for each token.
        tuned: of the tuned model.
        divergence: mean KL divergence of the base's next-token distributions from the tuned ones, in nats.
        bound: the largest rise of the loss that is allowed.
        tokens: how many predictions these are means of.
    """

    base: float
    tuned: float
    divergence: float
    bound: float
    tokens: int

    @property
    def passed(self) -> bool:
        """Whether the loss rose by no more than ``bound``."""
        return self.tuned - self.base <= self.bound

    def describe(self) -> str:
        """One sentence for people."""
        return (
            f"On {self.tokens:,} tokens of neutral text the loss went from {self.base:.3f} to "
            f"{self.tuned:.3f} nats ({self.tuned - self.base:+.3f}; allowed {self.bound:+.3f}); "
            f"divergence {self.divergence:.4f}."
        )


def drawn(rng: np.random.Generator, n: int = DRAWN) -> tuple[str, ...]:
    """So many sentences, none twice."""
    return tuple(SENTENCES[int(i)] for i in rng.choice(len(SENTENCES), n, replace=False))


def divergence(backbone: Backbone, sentences: Sequence[str]) -> objectives.Loss:
    """Divergence of the base from the adapted model on the sentences, with its graph, in nats a token."""
    import torch

    batch, counted, _ = _read(backbone.language, sentences)
    places = _everywhere(batch)
    with torch.no_grad(), backbone.untouched():
        base = backbone.language.logits(batch, places)
    tuned = backbone.language.logits(batch, places)
    return objectives.neutral_divergence(tuned, base, torch.as_tensor(counted, device=tuned.device))


def loss(language: LanguageModel, sentences: Sequence[str] = SENTENCES) -> float:
    """Mean loss of the sentences' tokens, in nats for each; a token that nothing predicts is left out."""
    import torch

    total, tokens = 0.0, 0
    for start in range(0, len(sentences), DRAWN):
        batch, counted, following = _read(language, sentences[start : start + DRAWN])
        with torch.inference_mode():
            log_p = language.logits(batch, _everywhere(batch)).log_softmax(-1)
            own = log_p.gather(-1, torch.as_tensor(following, device=log_p.device)[..., None])[..., 0]
            total -= float((own * torch.as_tensor(counted, device=own.device)).sum())
        tokens += int(counted.sum())
    return total / tokens


def forgetting(backbone: Backbone, bound: float = 0.1, sentences: Sequence[str] = SENTENCES) -> Forgetting:
    """Loss on neutral text with and without the adapter, and how far the two diverge.

    Args:
        backbone: the trained model.
        bound: the largest rise of the loss that is allowed, in nats for each token.
        sentences: the neutral text.
    """
    import torch

    with backbone.untouched():
        base = loss(backbone.language, sentences)
    total, weight = 0.0, 0.0
    with torch.no_grad():
        for start in range(0, len(sentences), DRAWN):
            part = divergence(backbone, sentences[start : start + DRAWN])
            total, weight = total + float(part.total), weight + part.weight
    return Forgetting(
        base=base,
        tuned=loss(backbone.language, sentences),
        divergence=total / weight,
        bound=bound,
        tokens=int(weight),
    )


def _everywhere(batch: Batch) -> IntArray:
    return np.arange(batch.ids.shape[1], dtype=np.int64)


def _read(language: LanguageModel, sentences: Sequence[str]) -> tuple[Batch, BoolArray, IntArray]:
    """The sentences as a batch, which predictions count, and the token that follows each, all (B, T)."""
    texts = [(*language.start, *language.tokens(text)) for text in sentences]
    batch = stack([pack([Segment(ROOT, text)]) for text in texts], "right")
    counted = np.zeros(batch.ids.shape, dtype=np.bool_)
    following = np.zeros_like(batch.ids)
    for row, text in enumerate(texts):
        first = max(len(language.start) - 1, 0)
        counted[row, first : len(text) - 1] = True
        following[row, : len(text) - 1] = text[1:]
    return batch, counted, following
