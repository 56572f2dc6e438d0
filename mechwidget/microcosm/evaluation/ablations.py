"""Ablations: every head alone, the heads with a role, and random heads beside them."""

import random
from dataclasses import dataclass

from transformers import GPT2LMHeadModel

from mechwidget.microcosm.evaluation.behaviours import Score, measure_all
from mechwidget.microcosm.evaluation.heads import Head, all_heads, heads_above, zero_ablated

ROLE_SCORE = 0.4  # attention that makes a head a previous-token or an induction head
CONTROLS = 8


@dataclass(frozen=True)
class Roles:
    """The heads that do something with a name; `previous_token` is the strongest of its kind."""

    previous_token: Head
    weaker_previous_token: tuple[Head, ...]
    induction: tuple[Head, ...]

    def all(self) -> set[Head]:
        """Every head with a role."""
        return {self.previous_token, *self.weaker_previous_token, *self.induction}


def find_roles(scores: dict[str, list[list[float]]]) -> Roles:
    """Roles by attention alone, before anything is ablated: no choosing by the wished effect."""
    previous = heads_above(scores["previous_token"], 0.0)[0]
    weaker = [
        head for head in heads_above(scores["previous_token"], ROLE_SCORE) if head != previous
    ]
    return Roles(previous, tuple(weaker), tuple(heads_above(scores["induction"], ROLE_SCORE)))


def random_groups(model: GPT2LMHeadModel, roles: Roles, seed: int) -> list[list[Head]]:
    """As many heads as there are induction heads, drawn from those without a role."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    rest = [head for head in all_heads(model) if head not in roles.all()]
    return [sorted(rng.sample(rest, len(roles.induction))) for _ in range(CONTROLS)]


def without(
    model: GPT2LMHeadModel, heads: list[Head], scores: dict[str, Score]
) -> dict[str, float]:
    """All behaviours with these heads zeroed."""
    with zero_ablated(model, heads):
        return measure_all(model, scores)


def ablation_tables(
    model: GPT2LMHeadModel, roles: Roles, scores: dict[str, Score], seed: int
) -> dict[str, object]:
    """Behaviours under no ablation, each head, the induction heads, and random groups."""
    induction = list(roles.induction)
    return {
        "none": measure_all(model, scores),
        "single": {str(head): without(model, [head], scores) for head in all_heads(model)},
        "induction_heads": {
            "heads": [str(head) for head in induction],
            "values": without(model, induction, scores),
        },
        "random_groups": [
            {"heads": [str(head) for head in group], "values": without(model, group, scores)}
            for group in random_groups(model, roles, seed)
        ],
    }
