"""Measures: from a model's answers to one number between people."""

import torch

from mechwidget.microcosm.evaluation.questions import Answers


def top_one(answers: Answers) -> float:
    """Share of questions whose most probable next token, of the whole vocabulary, is right."""
    return float((answers.logits.argmax(-1) == answers.right).float().mean())


def _gap(answers: Answers) -> torch.Tensor:
    right = answers.logits.gather(1, answers.right[:, None])
    return (right - answers.logits.gather(1, answers.foil[:, None]))[:, 0]


def beats_foil(answers: Answers) -> float:
    """Share of questions where the right token is more probable than the tempting one."""
    return float((_gap(answers) > 0).float().mean())


def logit_difference(answers: Answers) -> float:
    """Mean logit of the right token minus that of the tempting one (Wang et al. 2022)."""
    return float(_gap(answers).mean())


def year_gap(answers: Answers, years: torch.Tensor) -> float:
    """P(a later year) minus P(the same or an earlier one), Hanna et al. 2023.

    `years` are the token ids of all two-digit years in order; the foil of each question is the year
    in which the event began.
    """
    chances = answers.logits.softmax(-1)[:, years]
    order = torch.arange(len(years))
    began = (years == answers.foil[:, None]).int().argmax(-1)
    later = order > began[:, None]
    return float((chances * later).sum(-1).sub((chances * ~later).sum(-1)).mean())
