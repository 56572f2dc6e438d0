"""Steering is the vector arithmetic that it says, at the positions that it names."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.errors import InterventionError
from mechwidget.interventions import Component
from tests.interventions.parts import TRAITS, parts
from tests.models.zoo.build import build, example, hooked
from tests.models.zoo.species import WIDTH

AT = [3, -1]


def steerable(model: mw.HookedModel, positions=None) -> list[Component]:
    return [part for part in parts(model, positions=positions) if part.width(model)]


def direction(width: int, seed: int = 0) -> tuple[float, ...]:
    values = torch.randn(width, generator=torch.Generator().manual_seed(seed))
    return tuple(values.tolist())


def flowing(model: mw.HookedModel, component: Component, *edits) -> torch.Tensor:
    """`[pos, width]` at the component, at the positions it names."""
    tensor = model.run(example(), edits, read=[component.site]).read[component.site]
    return tensor[component.within(11)][0]


@pytest.mark.parametrize("name", TRAITS)
def test_adding_and_taking_away_is_nothing_and_coefficient_zero_is_no_bit(name: str) -> None:
    model, ids = hooked(name), example()
    plain = model.run(ids).logits
    for part in steerable(model, AT):
        vector = direction(part.width(model))
        there, back = mw.Steer(part, vector, 2.0), mw.Steer(part, vector, -2.0)
        assert torch.allclose(model.run(ids, [there, back]).logits, plain, atol=1e-3)
        assert not torch.allclose(model.run(ids, [there]).logits, plain, atol=1e-3)
        for unit in ("absolute", "share"):
            run = model.run(ids, [mw.Steer(part, vector, 0, unit)])
            assert torch.equal(run.logits, plain)
            assert run.fired[0].reason == "the coefficient is 0"


@pytest.mark.parametrize("name", TRAITS)
def test_absolute_and_share(name: str) -> None:
    model = hooked(name)
    for part in steerable(model, AT):
        x, v = flowing(model, part), torch.tensor(direction(part.width(model)))
        close = {"atol": 1e-5, "rtol": 1e-5}
        absolute = flowing(model, part, mw.Steer(part, v, 1.5))
        assert torch.allclose(absolute, x + 1.5 * v, **close)
        share = flowing(model, part, mw.Steer(part, v, 0.5, "share"))
        assert torch.allclose(share, x + 0.5 * x.norm(dim=-1, keepdim=True) * v / v.norm(), **close)
        moved = (share - x).norm(dim=-1) / x.norm(dim=-1)
        assert torch.allclose(moved, torch.full_like(moved, 0.5), atol=1e-4)


@pytest.mark.parametrize("name", TRAITS)
def test_projecting_out_leaves_nothing_along_and_everything_across(name: str) -> None:
    model = hooked(name)
    for part in steerable(model, AT):
        v = torch.tensor(direction(part.width(model)))
        unit, out = v / v.norm(), mw.Steer(part, v, mode="project out")
        x, once, twice = (flowing(model, part, *[out] * n) for n in range(3))
        assert (once @ unit).abs().max() < 1e-4 * x.norm()
        assert torch.allclose(once, x - (x @ unit).unsqueeze(-1) * unit, atol=1e-4)
        assert torch.allclose(twice, once, atol=1e-4)
        longer = flowing(model, part, mw.Steer(part, 7 * v, mode="project out"))
        assert torch.allclose(longer, once, atol=1e-4)


@pytest.mark.parametrize("name", TRAITS)
def test_clamping_sets_what_is_along(name: str) -> None:
    model = hooked(name)
    for part in steerable(model, AT):
        v = torch.tensor(direction(part.width(model)))
        unit, x = v / v.norm(), flowing(model, part)
        for kind, target in (("absolute", torch.tensor(2.0)), ("share", 2.0 * x.norm(dim=-1))):
            clamped = flowing(model, part, mw.Steer(part, v, 2.0, kind, "clamp along"))
            assert torch.allclose(clamped @ unit, target.expand(len(x)), rtol=1e-3, atol=1e-3)
            across = clamped - (clamped @ unit).unsqueeze(-1) * unit
            assert torch.allclose(across, x - (x @ unit).unsqueeze(-1) * unit, atol=1e-3)


def test_half_precision_is_steered_in_full() -> None:
    model = mw.wrap(build("llama").bfloat16())
    v, part = torch.tensor(direction(WIDTH)), mw.Residual(1)
    x = flowing(model, part).float()
    share = flowing(model, part, mw.Steer(part, v, 0.5, "share"))
    expected = x + 0.5 * x.norm(dim=-1, keepdim=True) * v / v.norm()
    assert torch.equal(share, expected.bfloat16())


@settings(max_examples=30, deadline=None)
@given(st.floats(-100, 100), st.integers(0, 5), st.sampled_from(["gpt2", "llama", "mamba"]))
def test_earlier_positions_never_see_a_steered_one(c: float, seed: int, name: str) -> None:
    model, ids = hooked(name), example()
    edit = mw.Steer(mw.Residual(1, [6]), direction(WIDTH, seed), c)
    assert torch.equal(model.run(ids, [edit]).logits[:, :6], model.run(ids).logits[:, :6])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mw.Steer(mw.Neuron(0, 1), [1.0]), "expected a Residual, Attention, MLP or Head"),
        (lambda: mw.Steer(mw.MLP(0), [0.0, 0.0], mode="project out"), "has no direction"),
        (lambda: mw.Steer(mw.MLP(0), [0.0], unit="share"), "has no direction"),
        (lambda: mw.Steer(mw.MLP(0), [1.0], 2, mode="project out"), "has no coefficient or unit"),
        (lambda: mw.Steer(mw.MLP(0), [1.0], float("nan")), "expected a finite number"),
        (lambda: mw.Steer(mw.MLP(0), [1.0, float("inf")]), "expected a finite number"),
        (lambda: mw.Steer(mw.MLP(0), []), "has 0 numbers"),
        (lambda: mw.Steer(mw.MLP(0), "12"), "expected a list of numbers"),
        (lambda: mw.Steer(mw.MLP(0), [1.0], unit="percent"), "expected 'absolute' or 'share'"),
        (lambda: mw.Steer(mw.MLP(0), [1.0], mode="push"), "Steer mode is 'push'"),
        (lambda: hooked("gpt2").run(example(), [mw.Steer(mw.MLP(0), [1.0])]), "is 32 numbers wide"),
    ],
)
def test_what_is_wrong_is_said(make, message: str) -> None:
    with pytest.raises(InterventionError, match=message):
        make()
