"""Prompts side by side hold what each holds alone, however they were put together."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import CancelledError
from mechwidget.models import Site, side_by_side
from tests.models.zoo.build import build, hooked
from tests.session.encoders import masked_model
from tests.session.tiny import brake, tiny_model

LENGTHS = (7, 3, 9, 8, 3, 4, 7, 1)


def prompts_of(model, lengths=LENGTHS):
    chance = torch.Generator().manual_seed(1)
    ids = [torch.randint(3, 30, (n,), generator=chance).tolist() for n in lengths]
    return [model.tokenize(one) for one in ids]


def alone(model, tokens, sites):
    read = model.run(tokens, (), sites, [-1]).read
    return {site: read[site][0] for site in sites}


@pytest.mark.parametrize("name", ["gpt2", "llama", "opt", "gptj", "mamba"])
def test_each_holds_what_it_holds_alone(name):
    model = hooked(name)
    prompts, site = prompts_of(model), Site("resid_post", 1)
    found = dict(model.read_side_by_side(prompts, [site]))
    assert sorted(found) == list(range(len(prompts)))
    for index, tokens in enumerate(prompts):
        expected = alone(model, tokens, [site])[site]
        torch.testing.assert_close(found[index][site], expected, atol=2e-5, rtol=1e-4)


def test_experts_are_chosen_as_they_are_alone():
    model = hooked("mixtral")
    prompts = prompts_of(model)
    sites = [Site("experts", 1), Site("expert_post", 1)]
    for index, held in model.read_side_by_side(prompts, sites):
        expected = alone(model, prompts[index], sites)
        assert (held[sites[0]] == expected[sites[0]]).all()
        torch.testing.assert_close(held[sites[1]], expected[sites[1]], atol=1e-5, rtol=1e-4)


def test_where_tokens_look_ahead_nothing_is_lengthened():
    model, site = masked_model(), Site("mlp_post", 1)
    prompts = prompts_of(model)
    found = dict(model.read_side_by_side(prompts, [site]))
    for index, tokens in enumerate(prompts):
        expected = alone(model, tokens, [site])[site]
        torch.testing.assert_close(found[index][site], expected, atol=2e-5, rtol=1e-4)


def test_rows_that_disturb_one_another_are_found_out():
    module = build("gpt2")

    def mixed(_module, args):
        return (args[0] + args[0].mean(0, keepdim=True) - args[0],)  # the mean of all rows

    module.transformer.h[0].mlp.register_forward_pre_hook(mixed)
    model, site = mw.wrap(module, name="mixing"), Site("mlp_post", 1)
    prompts = prompts_of(model)
    for index, held in model.read_side_by_side(prompts, [site]):
        torch.testing.assert_close(held[site], alone(model, prompts[index], [site])[site])


def test_many_fit_into_few_passes_and_later_blocks_are_not_computed():
    model, site = tiny_model(), Site("mlp_post", 0)
    prompts = prompts_of(model, (8,) * 40)
    list(model.read_side_by_side(prompts, [site]))  # the proof is made once
    with brake(model) as slow:
        list(model.read_side_by_side(prompts, [site]))
    # A hook of the user's own lets nobody vouch for anything: the proof is made again.
    assert slow.passes <= 5
    assert slow.blocks <= 5


def test_memory_bounds_a_batch(monkeypatch):
    model, site = tiny_model(), Site("mlp_post", 0)
    monkeypatch.setattr(side_by_side, "_BYTES_AT_ONCE", 4 * 96 * 16)
    with brake(model) as slow:
        list(model.read_side_by_side(prompts_of(model, (8,) * 8), [site], n_bytes=4 * 96))
    assert slow.passes >= 4


def test_it_can_be_cancelled():
    model = tiny_model()
    prompts, site = prompts_of(model), Site("mlp_post", 1)
    assert list(model.read_side_by_side(prompts, [site], cancelled=lambda: False))
    with pytest.raises(CancelledError):
        list(model.read_side_by_side(prompts, [site], cancelled=lambda: True))


def test_nothing_to_read_is_nothing():
    assert list(tiny_model().read_side_by_side([], [Site("mlp_post", 1)])) == []
