"""Edits of the attention pattern: edges, whole rows, and what masks would have done."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import ComponentError, InterventionError, SiteError
from tests.interventions.parts import HEADED
from tests.models.zoo.build import example, hooked
from tests.models.zoo.species import ZOO

WITH_HEADS = [name for name, species in ZOO.items() if species.layers]
QUERY, KEY, HEAD = 8, 7, 1  # within every window


def pattern(model: mw.HookedModel, layer: int, *edits) -> torch.Tensor:
    return model.run(example(), edits, read=[("pattern", layer)]).read["pattern", layer]


@pytest.mark.parametrize("name", WITH_HEADS)
def test_a_knocked_out_edge_is_zero_and_its_row_is_what_a_mask_gives(name: str) -> None:
    model, layer = hooked(name), ZOO[name].layers[-1]
    edge = mw.Edge(layer, HEAD, QUERY, KEY)
    plain = pattern(model, layer)
    kept = pattern(model, layer, mw.KnockOut(edge, renormalise=False))
    made = pattern(model, layer, mw.KnockOut(edge))
    expected = plain.clone()
    expected[0, HEAD, QUERY, KEY] = 0
    assert torch.equal(kept, expected)
    assert made[0, HEAD, QUERY, KEY] == 0
    masked = expected[0, HEAD, QUERY] / (1 - plain[0, HEAD, QUERY, KEY])
    assert torch.allclose(made[0, HEAD, QUERY], masked, atol=1e-5)
    if not ZOO[name].sinks:
        assert torch.allclose(made.sum(-1), torch.ones(1, 4, 11), atol=1e-6)
    made[0, HEAD, QUERY] = plain[0, HEAD, QUERY]
    assert torch.equal(made, plain)  # nothing else was touched


@pytest.mark.parametrize("name", HEADED)
def test_what_flows_is_the_cut_pattern_times_the_values(name: str) -> None:
    model, layer = hooked(name), ZOO[name].layers[0]
    if mw.Site("v", layer) not in model.sites:
        pytest.skip("its values are not a site")
    ids, edge = example(), mw.Edge(layer, HEAD, QUERY, KEY)
    plain = model.run(ids, read=["v", "z", "pattern"]).read
    cut = model.run(ids, [mw.KnockOut(edge, renormalise=False)], read=["z"]).read["z", layer]
    values = plain["v", layer]
    values = values.repeat_interleave(4 // values.shape[2], 2)
    if values.shape[-1] != cut.shape[-1]:
        pytest.skip("its values are wider than z")
    lost = plain["pattern", layer][0, HEAD, QUERY, KEY] * values[0, KEY, HEAD]
    expected = plain["z", layer].clone()
    expected[0, QUERY, HEAD] -= lost
    assert torch.allclose(cut, expected, atol=1e-5)


@pytest.mark.parametrize("name", HEADED)
def test_every_edge_of_a_row_at_once_leaves_nothing_and_no_nan(name: str) -> None:
    model, layer = hooked(name), ZOO[name].layers[-1]
    edits = [mw.KnockOut(mw.Edge(layer, HEAD, 3, key)) for key in range(4)]
    made = pattern(model, layer, *edits)
    assert made[0, HEAD, 3].abs().max() == 0
    assert model.run(example(), edits).logits.isfinite().all()
    several = pattern(model, layer, *edits[:3])[0, HEAD, 3]
    turned = pattern(model, layer, *reversed(edits[:3]))[0, HEAD, 3]
    assert torch.allclose(several, turned, atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj", "mistral"])
def test_an_edge_that_the_mask_forbids_says_so(name: str) -> None:
    model = hooked(name)
    plain = model.run(example(), read=["pattern"]).logits
    run = model.run(example(), [mw.KnockOut(mw.Edge(1, 0, 3, 8))])
    assert torch.equal(run.logits, plain)
    assert run.fired[0].reason == "masked: the key comes after the query"


@pytest.mark.parametrize("name", HEADED)
def test_a_replaced_pattern_is_the_given_one_in_that_head_and_those_rows(name: str) -> None:
    model, layer = hooked(name), ZOO[name].layers[-1]
    plain = pattern(model, layer)
    steps = torch.arange(11)
    named = {
        "first": torch.eye(11)[torch.zeros(11, dtype=torch.long)],
        "previous": torch.eye(11)[(steps - 1).clamp(min=0)],
        "self": torch.eye(11),
        "uniform": torch.ones(11, 11).tril() / (steps + 1).unsqueeze(-1),
    }
    given = torch.rand(11, 11, generator=torch.Generator().manual_seed(0)).tril()
    for what, rows in ({**named, "given": given}).items():
        replace = mw.ReplacePattern(mw.Head(layer, 2), given if what == "given" else what)
        made = pattern(model, layer, replace)
        assert torch.allclose(made[0, 2], rows, atol=1e-7)
        assert torch.equal(made[:, [0, 1, 3]], plain[:, [0, 1, 3]])
        part = pattern(model, layer, mw.ReplacePattern(mw.Head(layer, 2, [-1]), replace.pattern))
        assert torch.allclose(part[0, 2, 10], rows[10], atol=1e-7)
        assert torch.equal(part[:, :, :10], plain[:, :, :10])


def test_its_own_pattern_in_its_place_changes_no_bit() -> None:
    model, ids = hooked("llama"), example()
    plain = model.run(ids, read=["pattern"])
    own = plain.read["pattern", 1][0, 3]
    assert torch.equal(model.run(ids, [mw.ReplacePattern(mw.Head(1, 3), own)]).logits, plain.logits)


def test_what_does_not_fit_is_refused() -> None:
    ids = example()
    with pytest.raises(InterventionError, match="is for 2 tokens; the prompt has 11"):
        hooked("gpt2").run(ids, [mw.ReplacePattern(mw.Head(0, 0), [[1, 0], [1, 0]])])
    with pytest.raises(ComponentError, match="layer 0 has no attention pattern"):
        hooked("mamba").run(ids, [mw.ReplacePattern(mw.Head(0, 0), "self")])
    with pytest.raises(SiteError, match="no site"):
        hooked("bamba").run(ids, [mw.Freeze("pattern", [0])])
    with pytest.raises(SiteError, match="no site"):
        hooked("mamba").run(ids, [mw.Freeze("pattern")])
    for make, message in (
        (lambda: mw.KnockOut(mw.Head(0, 0)), "expected an Edge"),
        (lambda: mw.KnockOut(mw.Edge(0, 0, 1, 1), renormalise=1), "expected True or False"),
        (lambda: mw.ReplacePattern(mw.Head(0, 0), "last"), "expected 'first' or 'previous'"),
        (lambda: mw.ReplacePattern(mw.Head(0, 0), [[1.0], [1.0]]), "as many numbers in each"),
        (lambda: mw.ReplacePattern(mw.Head(0, 0), []), "expected 'first', 'previous'"),
        (lambda: mw.ReplacePattern(mw.MLP(0), "self"), "expected a Head"),
    ):
        with pytest.raises(InterventionError, match=message):
            make()
