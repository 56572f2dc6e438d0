"""Everything is made where the model is, never on whatever device is torch's default.

On a machine without a second device, the default one is "meta": a tensor that was made there by
mistake has no numbers, and whatever meets it fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import head_scores, outcome
from mechwidget.analysis.head_scores import SCORES
from tests.models.everything import every_intervention
from tests.models.zoo.build import build, example
from tests.zoo import build as every_type
from tests.zoo.own import prompt_of

# One on the interface, one with grouped heads, and the three kinds of tapped softmax.
NAMES = ("gpt2", "llama", "gptj", "bloom", "falcon_alibi")
OTHERS = {"bert": "encoder", "t5": "encoder-decoder", "whisper": "speech", "vit": "vision"}


@pytest.fixture
def elsewhere() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_made_on_the_default_device(name: str, request: pytest.FixtureRequest) -> None:
    module, ids = build(name), example()
    other = (ids[0] + 1).tolist()
    expected = [
        mw.wrap(module).run(ids, [each]).logits
        for each in every_intervention(mw.wrap(module), other)
    ]
    request.getfixturevalue("elsewhere")
    model = mw.wrap(module)
    interventions = every_intervention(model, other)
    for intervention, logits in zip(interventions, expected, strict=True):
        run = model.run(ids, [intervention], read=model.sites)
        assert torch.allclose(run.logits, logits, atol=1e-5), intervention
        assert {tensor.device.type for tensor in run.read.values()} == {"cpu"}
    rows = model.run_rows(ids, [[each] for each in interventions], read=["resid_pre"])
    assert torch.allclose(rows[3].logits, expected[3], atol=1e-4)
    statistics = mw.Ablate(mw.Head(1, 2), "mean", over=[other]).reference(model)
    assert {t.device.type for t in (statistics.mean, statistics.std, statistics.n)} == {"cpu"}


@pytest.mark.parametrize("kind", OTHERS)
def test_nothing_of_an_encoder_or_a_signal_is_either(
    kind: str, request: pytest.FixtureRequest
) -> None:
    module = every_type.build(kind, OTHERS[kind])
    ablation = [mw.Ablate(mw.MLP(0))]
    expected = mw.wrap(module).run(prompt_of(mw.wrap(module)), ablation).logits
    request.getfixturevalue("elsewhere")
    model = mw.wrap(module)
    run = model.run(prompt_of(model), ablation, read=model.sites)
    assert torch.allclose(run.logits, expected, atol=1e-4)
    assert {tensor.device.type for tensor in run.read.values()} == {"cpu"}


def test_what_is_read_off_a_run_is_not_either(request: pytest.FixtureRequest) -> None:
    model, ids = mw.wrap(build("gpt2")), example()
    request.getfixturevalue("elsewhere")
    run = model.run(ids, [mw.Ablate(mw.MLP(1))], read=["pattern"])
    metric = mw.LogitDiff(3, 4).bind(model, ids.shape[1])
    assert metric(run.logits[0, -1]) != metric(model.run(ids).logits[0, -1])
    changed = outcome(model.run(ids).logits[0, -1], run.logits[0, -1], model)
    assert changed.kl > 0
    repeated = [*ids[0, :5].tolist(), *ids[0, :6].tolist()]
    for score in SCORES:
        values = head_scores(score, run.read["pattern", 1][0], repeated).values
        assert values.device.type == "cpu"
        assert values.isfinite().all()
