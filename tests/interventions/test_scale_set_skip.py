"""Scaling, setting and skipping are the arithmetic that they say, on every architecture."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import mechwidget as mw
from mechwidget.errors import ComponentError, InterventionError
from tests.interventions.parts import HEADED, LAYER, TRAITS, has_pattern, parts
from tests.models.zoo.build import edited_copy, example, hooked, shared
from tests.models.zoo.species import NEURONS, WIDTH, ZOO

AT = [2, 7]
ELSEWHERE = [p for p in range(11) if p not in AT]


@pytest.mark.parametrize("name", ZOO)
def test_scaling_by_one_changes_no_bit_and_says_so(name: str) -> None:
    model, ids = hooked(name), example()
    plain = model.run(ids).logits
    for component in (*parts(model), mw.Layer(LAYER), mw.Layer(0, AT)):
        run = model.run(ids, [mw.Scale(component, 1)])
        assert torch.equal(run.logits, plain)
        assert [each.reason for each in run.fired] == ["scaling by 1 changes nothing"]
        assert [each.largest for each in run.fired] == [0]


@pytest.mark.parametrize("name", TRAITS)
def test_scaling_by_zero_is_ablating(name: str) -> None:
    model, ids = hooked(name), example()
    for component in parts(model, positions=AT):
        zero, scaled = mw.Ablate(component), mw.Scale(component, 0.0)
        ablated = model.run(ids, [zero]).logits
        assert torch.equal(model.run(ids, [scaled]).logits, ablated)
        assert torch.equal(model.run(ids, [mw.SetValue(component, 0)]).logits, ablated)


@pytest.mark.parametrize("name", TRAITS)
def test_what_is_scaled_and_set_is_what_flows_on_there_and_nowhere_else(name: str) -> None:
    model, ids = hooked(name), example()
    for component in parts(model, positions=AT):
        site = component.site
        plain = model.run(ids, read=[site]).read[site]
        for edit, expected in (
            (mw.Scale(component, -2.5), plain * -2.5),
            (mw.SetValue(component, 1.5), torch.full_like(plain, 1.5)),
        ):
            run = model.run(ids, [edit], read=[site])
            flowed, unit = run.read[site], component.unit
            if unit is not None:
                others = [u for u in range(plain.shape[2]) if u != unit]
                assert torch.equal(flowed[:, :, others], plain[:, :, others])
                flowed, was, expected = flowed[:, :, unit], plain[:, :, unit], expected[:, :, unit]
            else:
                was = plain
            if component.site.name == "resid_mid":  # written through the attention's output
                assert torch.allclose(flowed[:, AT], expected[:, AT], atol=1e-5)
            else:
                assert torch.equal(flowed[:, AT], expected[:, AT])
            assert torch.equal(flowed[:, ELSEWHERE], was[:, ELSEWHERE])
            change = (flowed - was).norm().item()
            assert run.fired[0].change == pytest.approx(change, rel=1e-4)
            assert run.fired[0].largest == pytest.approx(
                (flowed - was).abs().max().item(), rel=1e-4
            )
            assert (run.fired[0].reason == "") == (change > 0)


@pytest.mark.parametrize("name", TRAITS)
def test_setting_a_vector_puts_it_at_each_position(name: str) -> None:
    model, ids = hooked(name), example()
    for component in parts(model, positions=AT):
        width = component.width(model)
        vector = torch.linspace(-1, 1, width or 3)
        edit = mw.SetValue(component, vector)
        if width == 0:
            with pytest.raises(InterventionError, match="is a single number; the vector has 3"):
                model.run(ids, [edit])
            continue
        flowed = model.run(ids, [edit], read=[component.site]).read[component.site]
        flowed = flowed if component.unit is None else flowed[:, :, component.unit]
        assert torch.allclose(flowed[:, AT], vector.expand(1, 2, width), atol=1e-6)
        with pytest.raises(InterventionError, match=f"is {width} numbers wide; the vector has"):
            model.run(ids, [mw.SetValue(component, [1.0] * (width + 1))])


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("positions", [None, AT])
def test_skipping_a_layer_lets_its_input_through(name: str, positions: list[int] | None) -> None:
    """FIELD 1C.2: zeroing a block's output would delete the whole stream."""
    model, ids = hooked(name), example()
    rows = positions or list(range(11))
    sites = [mw.Site("resid_pre", LAYER), mw.Site("resid_post", LAYER)]
    plain = model.run(ids, read=sites).read
    component = mw.Layer(LAYER, positions)
    run = model.run(ids, [mw.SkipLayer(component)], read=sites)
    before, after = (run.read[site] for site in sites)
    assert torch.equal(before, plain[sites[0]])
    assert torch.equal(after[:, rows], before[:, rows])
    others = [p for p in range(11) if p not in rows]
    assert torch.equal(after[:, others], plain[sites[1]][:, others])
    assert torch.equal(run.logits, model.run(ids, [mw.Scale(component, 0)]).logits)
    assert [each.site for each in run.fired] == [sites[1]]
    half = model.run(ids, [mw.Scale(component, 0.5)], read=sites).read[sites[1]]
    added = plain[sites[1]] - plain[sites[0]]
    assert torch.allclose(half[:, rows], (plain[sites[0]] + added / 2)[:, rows], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "blocks"), [("gpt2", "transformer.h"), ("llama", "model.layers"), ("bloom", None)]
)
def test_skipping_a_layer_is_the_model_without_it(name: str, blocks: str | None) -> None:
    copy = edited_copy(shared(name))
    holder, _, leaf = (blocks or "transformer.h").rpartition(".")
    parent = copy.get_submodule(holder)
    setattr(parent, leaf, nn.ModuleList(b for i, b in enumerate(getattr(parent, leaf)) if i != 1))
    if hasattr(parent, "config"):
        parent.config.num_hidden_layers = 2
    run = hooked(name).run(example(), [mw.SkipLayer(1)])
    with torch.no_grad():
        assert torch.equal(run.logits, copy(input_ids=example(), use_cache=False).logits)


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gptj", "opt_post_norm"])
def test_skipping_sees_every_edit_of_its_input_wherever_it_is_listed(name: str) -> None:
    model, ids = hooked(name), example()
    double, skip = mw.Scale(mw.Residual(LAYER), 2), mw.SkipLayer(LAYER)
    runs = [model.run(ids, edits, read=["resid_pre", "resid_post"]) for edits in
            ([double, skip], [skip, double])]  # fmt: skip
    assert torch.equal(runs[0].logits, runs[1].logits)
    for run in runs:
        assert torch.equal(run.read["resid_post", LAYER], run.read["resid_pre", LAYER])


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gptj", "mamba"])
def test_at_one_site_the_order_of_the_list_rules(name: str) -> None:
    model, ids, part = hooked(name), example(), mw.Residual(LAYER)
    scale, put = mw.Scale(part, 3), mw.SetValue(part, 2)
    read = lambda *edits: model.run(ids, edits, read=[part.site]).read[part.site]  # noqa: E731
    assert torch.equal(read(scale, put), torch.full((1, 11, WIDTH), 2.0))
    assert torch.equal(read(put, scale), torch.full((1, 11, WIDTH), 6.0))
    fired = model.run(ids, [put, scale, put]).fired
    assert [each.intervention for each in fired] == [0, 1, 2]


@pytest.mark.parametrize("name", HEADED)
def test_an_edge_is_one_entry_of_the_pattern(name: str) -> None:
    model, ids = hooked(name), example()
    layer = ZOO[name].layers[-1]
    assert has_pattern(model, layer)
    edge = mw.Edge(layer, 1, -2, 3)
    plain = model.run(ids, read=["pattern"]).read["pattern", layer]
    for edit, value in (
        (mw.Scale(edge, 3), plain[0, 1, 9, 3] * 3),
        (mw.SetValue(edge, 0.25), 0.25),
    ):
        expected = plain.clone()
        expected[0, 1, 9, 3] = value
        run = model.run(ids, [edit], read=["pattern"])
        assert torch.equal(run.read["pattern", layer], expected)
        assert run.attention == "explicit"


def test_what_a_model_lacks_is_refused_by_name() -> None:
    ids = example()
    for model, component, message in (
        ("gptj", mw.Residual(1, None, "mid"), "residual inside layer 1 does not exist"),
        ("gpt2", mw.Residual(3), "residual before layer 3 does not exist: gpt2 has 3 layers"),
        ("gpt2", mw.Layer(7), "layer 7 does not exist"),
        ("gpt2", mw.Edge(1, 4, 3, 2), "does not exist: layer 1 has 4 heads"),
        ("mamba", mw.Edge(1, 0, 3, 2), "layer 1 has no attention pattern"),
        ("gpt2", mw.Neuron(0, NEURONS), "layer 0 has 48 neurons"),
    ):
        with pytest.raises(ComponentError, match=message):
            hooked(model).run(ids, [mw.Scale(component, 2)])
    for edge in (mw.Edge(0, 0, 11, 0), mw.Edge(0, 0, 0, -12)):
        with pytest.raises(InterventionError, match="the prompt has 11 tokens"):
            hooked("gpt2").run(ids, [mw.Scale(edge, 2)])
    for wrong, hint in ((mw.Layer(1), "SkipLayer"), (mw.Edge(0, 0, 0, 0), "KnockOut")):
        with pytest.raises(InterventionError, match="expected a Head") as caught:
            mw.Ablate(wrong)
        assert hint in caught.value.hint


@pytest.mark.parametrize("name", TRAITS)
def test_a_value_per_position_is_put_at_each_of_them_and_nowhere_else(name: str) -> None:
    model, ids = hooked(name), example()
    for component in parts(model):
        site, unit, width = component.site, component.unit, component.width(model)
        if site.name == "resid_mid":
            continue  # written through the attention's output
        values = {2: 1.5, -1: -3.0, 7: [0.25] * width if width else 0.25}
        plain = model.run(ids, read=[site]).read[site]
        expected = plain.clone()
        for position, value in ((2, 1.5), (10, -3.0), (7, 0.25)):
            expected[(0, position) if unit is None else (0, position, unit)] = value
        for given in (values, list(values.items())):
            run = model.run(ids, [mw.SetValue(component, given)], read=[site])
            assert torch.equal(run.read[site], expected)
            assert len(run.fired) == 1


def test_a_tensor_of_rows_is_put_from_position_0_on() -> None:
    model, ids, site = hooked("llama"), example(), mw.Site("resid_pre", 1)
    rows = torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(0))
    plain = model.run(ids, read=[site]).read[site]
    edit = mw.SetValue(mw.Residual(1), rows)
    read = model.run(ids, [edit], read=[site]).read[site]
    assert torch.equal(read[0, :4], rows)
    assert torch.equal(read[0, 4:], plain[0, 4:])
    assert mw.interventions.intervention_from_json(edit.to_json()) == edit


def test_a_value_per_position_that_does_not_fit_is_refused() -> None:
    ids, neuron = example(), mw.Neuron(1, 2)
    for make, message in (
        (lambda: mw.SetValue(mw.Neuron(1, 2, [3]), {3: 1.0}), "names positions, and so do the"),
        (lambda: mw.SetValue(mw.Edge(0, 0, 1, 1), {1: 1.0}), "names positions, and so do the"),
        (lambda: mw.SetValue(neuron, {}), "has 0 positions; expected 1 to"),
        (lambda: mw.SetValue(neuron, [[1, 2, 3], [4, 5, 6]]), "expected pairs"),
        (lambda: mw.SetValue(neuron, [(1, 2.0), (1, 3.0)]), "has position 1 twice"),
        (lambda: mw.SetValue(neuron, [(1.5, 2.0)]), "expected an integer"),
        (lambda: mw.SetValue(neuron, {1: float("nan")}), "expected a finite number"),
    ):
        with pytest.raises(InterventionError, match=message):
            make()
    for values, message in (
        ({11: 1.0}, "position 11; the prompt has 11"),
        ({10: 1.0, -1: 2.0}, "sets one position twice"),
        ({1: [1.0, 2.0]}, "is a single number; the vector has 2"),
    ):
        with pytest.raises(InterventionError, match=message):
            hooked("gpt2").run(ids, [mw.SetValue(neuron, values)])
