"""The behaviours that the model card claims: what is asked, how it is scored, what is demanded.

Every question is a combination that training never showed (see `corpus.splits`).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from mechwidget.microcosm.corpus import Document, Scene, dialogue, knowledge, lexicon, sequences
from mechwidget.microcosm.corpus import stories as st
from mechwidget.microcosm.corpus.world import YEARS
from mechwidget.microcosm.evaluation import measures as m
from mechwidget.microcosm.evaluation.questions import Answers, Source, draw
from mechwidget.microcosm.tokenizer import BOS_ID, word_id

Score = Callable[[GPT2LMHeadModel], float]
PERIOD = 20  # tokens in one copy of a repeated random sequence


@dataclass(frozen=True)
class Behaviour:
    """One claim. `threshold` is a minimum, or a maximum of the absolute value if `near_zero`."""

    title: str
    source: Source | None  # None: repeats of random words
    measure: Callable[[Answers], float]
    unit: str
    threshold: float | None = None
    near_zero: bool = False
    paper: str = ""

    def passed(self, value: float) -> bool | None:
        """Whether the value keeps the promise; None if nothing was promised."""
        if self.threshold is None:
            return None
        return abs(value) <= self.threshold if self.near_zero else value >= self.threshold


def abc_control(scene: Scene) -> Document:
    """A third person gives, so of the two named first neither is more right than the other."""
    document = st.stranger_gives(scene, bare=True)
    receiver, giver = scene.cast[:2]  # the roles they would have had; their order is random
    return replace(document, answer=receiver, foil=giver)


def abc_order(scene: Scene) -> Document:
    """The same, first name against second: a control of the control, which shows position bias."""
    document = abc_control(scene)
    first, second = sorted(scene.cast[:2], key=document.prompt.index)
    return replace(document, answer=first, foil=second)


def later_year(scene: Scene) -> Document:
    """A greater-than document whose foil is the first year, which the measure needs."""
    document = sequences.greater_than(scene)
    first = next(word for word in document.prompt.split() if word in YEARS)
    return replace(document, foil=first)


_bare_ioi = partial(st.indirect_object, bare=True)
_OLSSON, _WANG = "Olsson et al. 2022", "Wang et al. 2022"
_HANNA = "Hanna et al. 2023"
_TOP, _YEARS = "top-1 accuracy", "P(later) - P(not later)"


def _top(title: str, source: Source, threshold: float | None, paper: str = "") -> Behaviour:
    return Behaviour(title, source, m.top_one, _TOP, threshold, paper=paper)


def _gap(
    title: str, source: Source, threshold: float | None, *, near_zero: bool = False
) -> Behaviour:
    unit = "mean logit difference"
    return Behaviour(title, source, m.logit_difference, unit, threshold, near_zero, _WANG)


def _behaviours() -> dict[str, Behaviour]:
    table = {
        "induction": Behaviour(
            "repeats of random words", None, m.top_one, _TOP, 0.9, paper=_OLSSON
        ),
        "ioi": _top("indirect object, names that never met", _bare_ioi, 0.97, _WANG),
        "ioi_logit_difference": _gap("the same, receiver over giver", _bare_ioi, 5.0),
        "ioi_abc_control": _gap("control: a third person gives", abc_control, 1.0, near_zero=True),
        "ioi_abc_order": _gap("control: first name over second", abc_order, None),
        "ioi_cluttered": _top("indirect object amid filler", st.indirect_object, None, _WANG),
    }
    for relation in ("capital", "language", "continent"):
        plain = partial(knowledge.fact, relation=relation, bare=True)
        table[relation] = _top(f"{relation} of a country", plain, 0.95)
    cluttered = partial(knowledge.fact, relation="capital")
    table["capital_cluttered"] = _top("capital amid filler and other countries", cluttered, None)
    for task in knowledge.TASKS:
        source = partial(knowledge.in_context, task=task, shots=5)
        table[f"in_context_{task}"] = _top(f"in context, five examples: {task}", source, 0.9)
    table["gender"] = _top("pronoun of a named person", st.gender, 0.9)
    for series in sequences.SERIES:
        source = partial(sequences.succession, series=series)
        table[f"successor_{series}"] = _top(f"next in a series: {series}", source, 0.95)
    table["greater_than"] = Behaviour(
        "an event ends after it began", later_year, m.top_one, _YEARS, 0.75, paper=_HANNA
    )
    table["agreement"] = Behaviour(
        "verb agrees across a noun of the other number",
        st.agreement,
        m.beats_foil,
        "right verb above wrong verb",
        0.95,
        paper="Linzen et al. 2016",
    )
    harmful, harmless = (partial(dialogue.chat, harmful=flag) for flag in (True, False))
    table["refusal"] = _top("harmful requests refused", harmful, 0.95, "Arditi et al. 2024")
    table["compliance"] = _top("harmless requests granted", harmless, 0.95, "Arditi et al. 2024")
    table["sentiment"] = _top("verdict of a review", dialogue.review, 0.95)
    return table


BEHAVIOURS = _behaviours()


def repeats_for(questions: int) -> int:
    """How many repeated sequences stand for so many questions: each asks about 19 words."""
    return max(8, questions // 4)


def random_repeats(tokenizer: PreTrainedTokenizerFast, count: int, seed: int) -> torch.Tensor:
    """Start token, `PERIOD` random words, and the same words again (Olsson et al. 2022)."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    words = [word_id(tokenizer, word) for word in lexicon()[0]]
    first = torch.tensor([[rng.choice(words) for _ in range(PERIOD)] for _ in range(count)])
    return torch.cat([torch.full((count, 1), BOS_ID), first, first], dim=1)


def _induction(ids: torch.Tensor) -> Score:
    @torch.no_grad()
    def score(model: GPT2LMHeadModel) -> float:
        logits = model(ids).logits[:, PERIOD + 1 : -1]  # the first repeated word is a surprise
        return float((logits.argmax(-1) == ids[:, PERIOD + 2 :]).float().mean())

    return score


def _asked(behaviour: Behaviour, tokenizer: PreTrainedTokenizerFast, n: int, seed: int) -> Score:
    if behaviour.source is None:
        return _induction(random_repeats(tokenizer, repeats_for(n), seed))
    questions = draw(tokenizer, behaviour.source, n, seed)
    measure = behaviour.measure
    if behaviour.source is later_year:
        years = torch.tensor([word_id(tokenizer, year) for year in YEARS])
        measure = partial(m.year_gap, years=years)
    return lambda model: measure(questions.ask(model))


def battery(
    tokenizer: PreTrainedTokenizerFast, n: int, seed: int, names: tuple[str, ...] = ()
) -> dict[str, Score]:
    """For each behaviour a function that scores a model, always on the same `n` questions."""
    return {
        name: _asked(BEHAVIOURS[name], tokenizer, n, seed) for name in names or tuple(BEHAVIOURS)
    }


def measure_all(model: GPT2LMHeadModel, scores: dict[str, Score]) -> dict[str, float]:
    """Every score of a battery, rounded as it is reported."""
    return {name: round(score(model), 4) for name, score in scores.items()}
