"""Plain ways to have a language model answer, as written with transformers in an afternoon."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch as untyped_torch
import transformers as untyped_transformers

from personas.arrays import FloatArray
from personas.panel import Panel
from personas.prompt import option_text, person_text, question_text
from personas.question import Question

torch: Any = untyped_torch
transformers: Any = untyped_transformers
_WRITTEN = 32  # tokens of a free answer at most


class Plain:
    """A model as transformers loads it.

    Args:
        folder: of its weights, or its name on the hub.
        dtype: number format.
        device: that it computes on.
    """

    def __init__(self, folder: Path | str, dtype: str, device: str) -> None:
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype)
        )
        self.model.eval().to(device)
        full, bare = self.tokenizer("a").input_ids, self._tokens("a")
        self.start: list[int] = full[: full.index(bare[0])]

    def one_by_one(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """Each option in a forward pass of its own; see ``AnswerModel.distributions``."""
        return _answers(panel, questions, self._apart)

    def batched(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """The options of a question in one batch, padded on the left; logits of the options alone."""
        return _answers(panel, questions, self._scores)

    def rated(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """Free answers of each person to all questions in one batch, rated by how like the options they are.

        ``p(o) = (cos(a, o) - least) / sum`` with the cosines of the means of the middle layer's states.
        Source: semantic similarity rating, Maier and Aslak, 2025, equation 3 with its epsilon at 0.
        """
        torch.manual_seed(0)
        found = [np.zeros((len(panel), len(q.options))) for q in questions]
        anchors = [self._vectors([option_text(o) for o in q.options]) for q in questions]
        for i in range(len(panel)):
            written = self._written(person_text(panel.person(i).attributes), questions)
            vectors = self._vectors([text or " " for text in written])
            for j, options in enumerate(anchors):
                found[j][i] = rating(vectors[j], options)
        return found

    def _tokens(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def _before(self, person: str, question: Question) -> list[int]:
        return [*self.start, *self._tokens(person), *self._tokens(question_text(question))]

    def _apart(self, person: str, question: Question) -> list[float]:
        return [self._score(person, question, option) for option in question.options]

    def _score(self, person: str, question: Question, option: str) -> float:
        before, end = self._before(person, question), self._tokens(option_text(option))
        start, stop = len(before), len(before) + len(end)
        ids = torch.tensor([[*before, *end]], device=self.model.device)
        with torch.inference_mode():
            log_p = self.model(ids).logits[0].float().log_softmax(dim=-1)
        return float(log_p[torch.arange(start - 1, stop - 1), ids[0, start:stop]].sum())

    def _scores(self, person: str, question: Question) -> list[float]:
        before = self._before(person, question)
        ends = [self._tokens(option_text(option)) for option in question.options]
        longest = max(map(len, ends))
        ids = torch.zeros((len(ends), len(before) + longest), dtype=torch.long)
        seen = torch.zeros_like(ids)
        for row, end in enumerate(ends):
            whole = torch.tensor([*before, *end])
            ids[row, -len(whole) :], seen[row, -len(whole) :] = whole, 1
        places = (seen.cumsum(dim=1) - 1).clamp(min=0)
        inputs = {"input_ids": ids, "attention_mask": seen, "position_ids": places}
        with torch.inference_mode():
            logits = self.model(
                **{k: v.to(self.model.device) for k, v in inputs.items()}, logits_to_keep=longest + 1
            ).logits
        log_p = logits[:, :-1].float().log_softmax(dim=-1).cpu()
        picked = log_p.gather(2, ids[:, -longest:, None])[..., 0]
        return [float(picked[row, longest - len(end) :].sum()) for row, end in enumerate(ends)]

    def _written(self, person: str, questions: Sequence[Question]) -> list[str]:
        """What the model writes as each answer."""
        framed: list[str] = [
            self.tokenizer.apply_chat_template(
                [{"role": "user", "content": (person + question_text(q)).strip()}],
                add_generation_prompt=True,
                tokenize=False,
            )
            for q in questions
        ]
        inputs = self.tokenizer(framed, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            ids = self.model.generate(
                **inputs.to(self.model.device), max_new_tokens=_WRITTEN, do_sample=True,
                pad_token_id=self.tokenizer.eos_token_id,
            )  # fmt: skip
        return self.tokenizer.batch_decode(ids[:, inputs.input_ids.shape[1] :], skip_special_tokens=True)

    def _vectors(self, texts: Sequence[str]) -> FloatArray:
        """Means of the middle layer's states over each text, (n_texts, dim)."""
        inputs = self.tokenizer(list(texts), return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            states = self.model.base_model(
                **inputs.to(self.model.device), output_hidden_states=True
            ).hidden_states
        middle, seen = states[len(states) // 2].float(), inputs.attention_mask[..., None].float()
        means = (middle * seen).sum(dim=1) / seen.sum(dim=1)
        return means.cpu().numpy().astype(np.float64)


def rating(answer: FloatArray, options: FloatArray) -> FloatArray:
    """Probabilities of options from the vectors of an answer (dim,) and of the options (n_options, dim).

    Worked: cosines .9, .6, .7 -> .3, 0, .1 above the least -> .75, 0, .25. Uniform where all are alike.
    """
    sizes = np.linalg.norm(options, axis=1) * np.linalg.norm(answer)
    above = options @ answer / sizes
    above = above - above.min()
    total = above.sum()
    return above / total if total > 0 else np.full(len(options), 1 / len(options))


def _answers(
    panel: Panel, questions: Sequence[Question], scores: Callable[[str, Question], list[float]]
) -> list[FloatArray]:
    found = [np.zeros((len(panel), len(q.options))) for q in questions]
    for i in range(len(panel)):
        person = person_text(panel.person(i).attributes)
        for j, question in enumerate(questions):
            own = np.array(scores(person, question))
            odds = np.exp(own - own.max())
            found[j][i] = odds / odds.sum()
    return found
