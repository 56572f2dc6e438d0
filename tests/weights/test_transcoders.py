"""Features of GemmaScope's transcoders in Gemma 2 2B: circuit-tracer's intervention_demo.

It sets features at the last token with every attention pattern held as in the baseline, in
bfloat16; its own numbers moved by 0.02 from one version of the notebook to another, hence 0.04.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.interventions import Intervention
from tests.weights.cached import require, with_start
from tests.weights.gemma_scope import REPOSITORY, cached_file, transcoder

pytestmark = pytest.mark.weights

SPANISH, FRENCH = "Hecho: Michael Jordan juega al", "Fait: Michael Jordan joue au"
LAYER, SPEAKS_SPANISH, SPEAKS_FRENCH = 20, 341, 1454
MOVED = 0.04


@pytest.fixture
def model() -> mw.HookedModel:
    return require("google/gemma-2-2b", dtype="bfloat16")


@pytest.fixture
def features(model: mw.HookedModel) -> str:
    file = cached_file(LAYER)
    if file is None:
        pytest.skip(f"{REPOSITORY}: not one transcoder of layer {LAYER} is in the local cache")
    with np.load(file, allow_pickle=False) as arrays:
        made = transcoder(dict(arrays), model, LAYER)
    mw.register_dictionary("GemmaScope 20", made, replace=True)
    return "GemmaScope 20"


def chances(model: mw.HookedModel, text: str, edits: list[Intervention]) -> dict[str, float]:
    logits = model.run(with_start(model, text), edits, positions=[-1]).logits[0, 0]
    chance = logits.float().softmax(-1)
    tokens = (" baloncesto", " golf", " fútbol", " basket", " basketball")
    return {token: float(chance[model.token_id(token)]) for token in tokens}


@pytest.mark.parametrize(
    ("text", "published"),
    [
        (SPANISH, {" baloncesto": 0.605, " golf": 0.056, " fútbol": 0.050}),
        (FRENCH, {" basket": 0.559, " basketball": 0.110}),
    ],
)
def test_what_michael_jordan_plays(
    model: mw.HookedModel, text: str, published: dict[str, float]
) -> None:
    found = chances(model, text, [])
    assert {token: found[token] for token in published} == pytest.approx(published, abs=MOVED)


def test_a_spanish_feature_off_and_in_the_place_of_a_french_one(
    model: mw.HookedModel, features: str
) -> None:
    spanish = mw.Feature(features, SPEAKS_SPANISH, [-1])
    off = chances(model, SPANISH, [mw.Freeze("pattern"), mw.Ablate(spanish)])
    published = {" baloncesto": 0.598, " golf": 0.063, " fútbol": 0.034}
    assert {token: off[token] for token in published} == pytest.approx(published, abs=MOVED)
    held = model.run(with_start(model, SPANISH), read=[spanish.site], positions=[-1])
    active = float(spanish.held(held.read[spanish.site])[0, -1])
    assert active > 0
    swap = [
        mw.Freeze("pattern"),
        mw.Ablate(mw.Feature(features, SPEAKS_FRENCH, [-1])),
        mw.SetValue(spanish, 10 * active),
    ]
    found = chances(model, FRENCH, swap)
    assert found[" baloncesto"] == pytest.approx(0.268, abs=MOVED)
    assert found[" golf"] == pytest.approx(0.209, abs=MOVED)
    assert torch.tensor(found[" basket"]) < 0.2
