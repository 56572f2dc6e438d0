"""What an edit cannot reach does not move by a bit, and what is no edit moves nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.models import Edit
from mechwidget.models.attention import switch_attention
from mechwidget.models.reach import position_axis
from mechwidget.models.twin import make_twin
from tests.interventions.parts import TRAITS
from tests.laws.three import (
    ANYTHING,
    LAYER,
    LAYERS,
    NAMES,
    PARTS,
    PROMPTS,
    THREE,
    WIDTH,
    hooked,
    random_prompt,
    shared,
)

NUMBERS = st.floats(-3, 3).map(lambda x: round(x, 2))


class Moved:
    """Adds 1 at one position of a site."""

    def __init__(self, site: mw.Site, position: int) -> None:
        self.site, self.position = site, position

    def edits(self, _model: object, _n: int) -> tuple[Edit, ...]:
        def apply(tensor: torch.Tensor) -> torch.Tensor:
            edited = tensor.clone()
            if position_axis(self.site) == 1:
                edited[:, self.position] += 1
            else:
                edited[:, :, self.position] += 1
            return edited

        return (Edit(self.site, apply),)


@ANYTHING
@given(NAMES, PROMPTS, st.data())
def test_what_lies_before_layer_and_position_is_bit_identical(name, prompt, data) -> None:
    """The cone l > L, t ≥ T holds every stream that changed; nothing outside it has."""
    model = hooked(name)
    site = data.draw(st.sampled_from([s for s in model.sites if s.layer is not None]))
    position = data.draw(st.integers(0, len(prompt) - 1))
    streams = ["resid_pre", "resid_post", "logits"]
    plain = model.run(prompt, read=[*streams, site])
    edited = model.run(prompt, [Moved(site, position)], read=streams)
    for each, tensor in edited.read.items():
        was = plain.read[each]
        here = each.layer == site.layer and each.name == "resid_pre" != site.name
        if each.layer is not None and (each.layer < site.layer or here):
            assert torch.equal(tensor, was)
        assert torch.equal(tensor[:, :position], was[:, :position])
    if site.name in ("resid_pre", "z", "attn_out", "mlp_post", "mlp_out", "resid_post"):
        assert any(not torch.equal(t, plain.read[s]) for s, t in edited.read.items())


@ANYTHING
@given(st.sampled_from(TRAITS), PROMPTS)
def test_no_intervention_is_the_models_own_forward_to_the_last_bit(name, prompt) -> None:
    model = hooked(name)
    with torch.no_grad():
        own = shared(name)(input_ids=torch.tensor([prompt]), use_cache=False).logits
    assert torch.equal(model.run(prompt, []).logits, own)
    assert torch.equal(model.run(prompt, [], replay=False).logits, own)
    reads = ["resid_pre", "resid_post", "attn_out", "mlp_out", "z", "mlp_post", "resid_mid"]
    have = {site.name for site in model.sites}
    assert torch.equal(model.run(prompt, read=[r for r in reads if r in have]).logits, own)


@ANYTHING
@given(NAMES, PROMPTS, PARTS)
def test_mean_over_and_resample_from_the_prompt_itself_are_no_ops(name, prompt, part) -> None:
    model = hooked(name)
    plain = model.run(prompt).logits
    for edit in (
        mw.Ablate(part, "mean", [prompt], by_position=True),
        mw.Ablate(part, "mean", [prompt, prompt], by_position=True),
        mw.Ablate(part, "resample", [prompt]),
        mw.Ablate(part, "resample", [prompt] * 3, seed=5),
        mw.Patch(part, prompt),
        mw.Scale(part, 1),
        mw.Freeze(part),
    ):
        assert torch.equal(model.run(prompt, [edit]).logits, plain), edit


@ANYTHING
@given(NAMES, PROMPTS, LAYER, NUMBERS, st.integers(0, 99))
def test_steering_there_and_back_is_nothing_and_coefficient_0_no_bit(
    name, prompt, layer, coefficient, seed
) -> None:
    model = hooked(name)
    vector = torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed))
    plain = model.run(prompt).logits
    for part in (mw.Residual(layer), mw.Attention(layer), mw.MLP(layer)):
        there, back = (mw.Steer(part, vector, c) for c in (coefficient, -coefficient))
        assert torch.allclose(model.run(prompt, [there, back]).logits, plain, atol=2e-4, rtol=1e-4)
        assert torch.equal(model.run(prompt, [mw.Steer(part, vector, 0)]).logits, plain)


@ANYTHING
@given(NAMES, PARTS, st.integers(2, 9), st.integers(0, 99))
def test_patching_is_the_same_whichever_prompt_was_met_first(name, part, length, seed) -> None:
    """A into B and B into A, in either order, replayed from whatever is remembered by then."""
    a, b = random_prompt(length, seed), random_prompt(length, seed + 100)

    def both(first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
        model = mw.wrap(shared(name))
        pairs = ((first, second), (second, first))
        return [model.run(here, [mw.Patch(part, there)]).logits for here, there in pairs]

    (one, other), (swapped_other, swapped_one) = both(a, b), both(b, a)
    assert torch.equal(one, swapped_one)
    assert torch.equal(other, swapped_other)
    back = [mw.Patch(part, b), mw.Patch(part, a)]  # there, and back again, at one site
    assert torch.equal(hooked(name).run(a, back).logits, hooked(name).run(a).logits)


@ANYTHING
@given(NAMES, st.integers(2, 9), st.integers(0, 99), LAYER)
def test_the_patch_metric_is_0_with_nothing_and_1_with_everything(
    name, length, seed, layer
) -> None:
    model = hooked(name)
    a, b = random_prompt(length, seed), random_prompt(length, seed + 100)
    here, there = (model.run(ids, positions=[-1]).logits[0, -1] for ids in (a, b))
    token = int((there - here).abs().argmax())

    def metric(*edits: object) -> float:
        logits = model.run(a, edits, positions=[-1]).logits[0, -1]
        return float((logits[token] - here[token]) / (there[token] - here[token]))

    assert metric() == 0
    everything = [mw.Patch(mw.Residual(layer), b)]
    assert metric(*everything) == 1
    parts = [mw.Patch(part(n), b) for n in range(LAYERS) for part in (mw.Attention, mw.MLP)]
    embed = mw.Patch(mw.Residual(0), b)
    assert metric(embed, *parts) == 1


@ANYTHING
@given(NAMES, PROMPTS, PARTS, PARTS)
def test_frozen_patterns_differ_from_free_ones_by_the_change_of_the_patterns(
    name, prompt, part, other
) -> None:
    """Put the free run's patterns into the frozen one, and it is the free one."""
    model = hooked(name)
    edits = [mw.Scale(part, 0.5), mw.Ablate(other)]
    free = model.run(prompt, edits, read=["pattern"])
    patterns = free.read.layers("pattern")

    class Downstream:
        def edits(self, _model: object, _n: int) -> list[Edit]:
            return [Edit(mw.Site("pattern", n), lambda _, p=p: p) for n, p in patterns.items()]

    frozen = model.run(prompt, [*edits, mw.Freeze("pattern")])
    refilled = model.run(prompt, [*edits, mw.Freeze("pattern"), Downstream()])
    assert torch.equal(refilled.logits, free.logits)
    baseline = model.run(prompt, read=["pattern"]).read.layers("pattern")
    if all(torch.equal(patterns[n], baseline[n]) for n in patterns):
        assert torch.equal(frozen.logits, free.logits)


@pytest.mark.parametrize("name", [*THREE, "gptj", "bloom", "falcon_alibi", "mistral", "gpt_oss"])
@pytest.mark.parametrize("padding", [1, 4])
def test_left_padding_does_not_matter(name: str, padding: int) -> None:
    """Through our attention too: what the mask hides has no part in scores, patterns or logits."""
    model = copy.deepcopy(shared(name))
    ids = random_prompt(7, 2)
    padded = torch.cat([torch.zeros(1, padding, dtype=torch.long), ids], 1)
    mask = torch.cat([torch.zeros(1, padding), torch.ones(1, 7)], 1).long()
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    alone = hooked(name).run(ids).logits
    twin = make_twin(model)
    switched = switch_attention(twin)
    named = {"position_ids": places} if name in (*THREE, "gptj", "mistral", "gpt_oss") else {}
    for module in (twin, model) if switched else (model,):
        with torch.no_grad():
            logits = module(input_ids=padded, attention_mask=mask, **named).logits
        assert torch.allclose(logits[:, padding:], alone, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", THREE)
@pytest.mark.parametrize(("dtype", "room"), [(torch.bfloat16, 0.06), (torch.float16, 0.01)])
def test_half_precision_gives_the_same_effect_within_rounding(name, dtype, room) -> None:
    ids = random_prompt(8, 3)
    half = mw.wrap(copy.deepcopy(shared(name)).to(dtype))
    edits = [mw.Ablate(mw.Head(1, 2)), mw.Scale(mw.MLP(0), 0.5)]
    expected = hooked(name).run(ids, edits).logits
    got = half.run(ids, edits).logits.float()
    assert (got - expected).norm() <= room * expected.norm()
