"""Published losses and next-token probabilities.

Losses: TransformerLens, tests/acceptance/test_hooked_transformer.py, "Hello world!" after the
beginning-of-sequence token. Its test asks that a loss be no more than 4e-5 above the published
one; that it be no more than 0.01 below is ours. Left out are models whose published loss has
changed from version to version (OPT-125m, BLOOM-560m), and those with an architecture of their own.
Probabilities: its Main_Demo, Exploratory_Analysis_Demo and Attribution_Patching_Demo.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

import mechwidget as mw
from tests.weights.cached import require, with_start, without_start

pytestmark = pytest.mark.weights

GPT2 = ("gpt2", "openai-community/gpt2")
XL = ("gpt2-xl", "openai-community/gpt2-xl")
LOSSES = {
    GPT2: 5.331855773925781,
    ("EleutherAI/pythia-70m",): 4.659344673156738,
    ("EleutherAI/gpt-neo-125M", "EleutherAI/gpt-neo-125m"): 4.900552272796631,
    ("roneneldan/TinyStories-33M",): 12.203617095947266,
    ("stanford-crfm/alias-gpt2-small-x21",): 5.652035713195801,
}


@pytest.mark.parametrize("names", LOSSES, ids=lambda names: names[0])
def test_the_loss_of_hello_world(names: tuple[str, ...]) -> None:
    model = require(*names)
    ids = with_start(model, "Hello world!")
    logits = model.run(ids).logits[0, :-1]
    loss = float(functional.cross_entropy(logits, torch.tensor(ids[1:])))
    assert loss - LOSSES[names] < 4e-5
    assert loss - LOSSES[names] > -0.01


def probability(model: mw.HookedModel, text: str, token: str) -> float:
    logits = model.run(with_start(model, text), positions=[-1]).logits[0, 0]
    return float(logits.softmax(-1)[model.token_id(token)])


def test_probabilities_of_gpt2() -> None:
    model = require(*GPT2)
    milk = "After John and Mary went to the store, John gave a bottle of milk to"
    published = {
        " Mary": 70.07,
        " the": 4.67,
        " John": 4.54,
        " them": 4.11,
        " his": 2.73,
        " her": 1.24,
    }
    for token, percent in published.items():
        assert 100 * probability(model, milk, token) == pytest.approx(percent, abs=0.02), token
    cat = 100 * probability(model, "The cat sat on the mat.", " The")
    assert cat == pytest.approx(11.98, abs=0.02)


@pytest.mark.parametrize(
    ("text", "a", "b", "difference"),
    [
        (
            "After John and Mary went to the store, Mary gave a bottle of milk to",
            " John",
            " Mary",
            4.276,
        ),
        (
            "After John and Mary went to the store, John gave a bottle of milk to",
            " John",
            " Mary",
            -2.738,
        ),
        (
            "Claire and Mary went to the shops, then Mary gave a bottle of milk to",
            " Claire",
            " Mary",
            6.754,
        ),
    ],
)
def test_logit_differences_of_gpt2(text: str, a: str, b: str, difference: float) -> None:
    model = require(*GPT2)
    logits = model.run(with_start(model, text), positions=[-1]).logits[0, 0]
    measured = float(logits[model.token_id(a)] - logits[model.token_id(b)])
    assert measured == pytest.approx(difference, abs=0.002)


def test_the_beginning_of_sequence_matters() -> None:
    model = require(*GPT2)
    ids = without_start(
        model, "Claire and Mary went to the shops, then Mary gave a bottle of milk to"
    )
    logits = model.run(ids, positions=[-1]).logits[0, 0]
    measured = float(logits[model.token_id(" Claire")] - logits[model.token_id(" Mary")])
    assert measured == pytest.approx(2.782, abs=0.002)


@pytest.mark.parametrize(
    ("text", "token", "percent"),
    [
        ("The Eiffel Tower is located in the city of", " Paris", 95.80),
        ("The Colosseum is located in the city of", " Rome", 83.71),
    ],
)
def test_facts_of_gpt2_xl(text: str, token: str, percent: float) -> None:
    model = require(*XL)
    assert 100 * probability(model, text, token) == pytest.approx(percent, abs=0.05)
