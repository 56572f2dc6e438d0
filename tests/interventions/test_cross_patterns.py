"""Edits of the patterns of cross attention: from the decoder's positions to the encoder's."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import ComponentError, InterventionError
from mechwidget.interventions import component_from_json, intervention_from_json
from tests.random_weights import example
from tests.zoo.build import build

MODELS = {
    **dict.fromkeys(("t5", "bart", "m2m_100", "encoder-decoder", "t5gemma"), "encoder-decoder"),
    **dict.fromkeys(("whisper", "speech_to_text"), "speech"),
}
LAYER, HEAD, QUERY, KEY = 5, 2, 3, 9  # a layer of the decoder; a key that is no query
each_model = pytest.mark.parametrize("name", MODELS)


@cache
def hooked(name: str) -> mw.HookedModel:
    return mw.wrap(build(name, MODELS[name]))


@cache
def prompt(name: str) -> mw.Tokens:
    """Seven tokens, and more for the encoder."""
    return hooked(name).tokenize(hooked(name).source.example())


def edge(query: int = QUERY, key: int = KEY) -> mw.Edge:
    return mw.Edge(LAYER, HEAD, query, key, cross=True)


def pattern(name: str, *edits: Any, layer: int = LAYER) -> torch.Tensor:
    run = hooked(name).run(prompt(name), edits, read=[("cross_pattern", layer)])
    return run.read["cross_pattern", layer]


@torch.no_grad()
def masked(name: str, *entries: tuple[int, int]) -> torch.Tensor:
    """The model's own logits with a huge negative mask over entries of one head's scores."""
    model, tokens = hooked(name), prompt(name)
    n, m = len(tokens), len(tokens.encoder or ())
    mask = torch.zeros(1, model.n_heads(LAYER, cross=True), n, m)
    for query, key in entries:
        mask[0, HEAD, query, key] = -1e9
    attention: Any = model.ledger.blocks[LAYER].cross

    def hide(_module: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        which = "mask" if "mask" in kwargs else "attention_mask"
        return args, {**kwargs, which: mask}

    module = model.model.get_submodule(attention.place.module)
    handle = module.register_forward_pre_hook(hide, with_kwargs=True)
    try:
        return model.source.call(model.model, tokens, 1)
    finally:
        handle.remove()


@each_model
def test_a_knocked_out_edge_is_what_a_mask_gives(name: str) -> None:
    most = int(pattern(name)[0, HEAD, QUERY].argmax())
    n, m = len(prompt(name)), len(prompt(name).encoder or ())
    plain = masked(name)
    for entries in ([(QUERY, most)], [(QUERY, most), (QUERY, 0), (n - 1, m - 2)]):
        named = [(query, key - m if key == m - 2 else key) for query, key in entries]
        edits = [mw.KnockOut(edge(query, key)) for query, key in named]
        expected = masked(name, *entries)
        difference = (hooked(name).run(prompt(name), edits).logits - expected).abs().max()
        assert difference < 1e-4
        assert difference < 0.01 * (expected - plain).abs().max()


@each_model
def test_its_row_is_renormalised_and_nothing_else_is_touched(name: str) -> None:
    plain, made = pattern(name), pattern(name, mw.KnockOut(edge()))
    expected = plain.clone()
    expected[0, HEAD, QUERY, KEY] = 0
    assert torch.equal(pattern(name, mw.KnockOut(edge(), renormalise=False)), expected)
    expected[0, HEAD, QUERY] /= expected[0, HEAD, QUERY].sum()
    assert torch.allclose(made, expected, atol=1e-6)
    made[0, HEAD, QUERY] = plain[0, HEAD, QUERY]
    assert torch.equal(made, plain)


@each_model
def test_an_edge_is_set_and_scaled(name: str) -> None:
    expected = pattern(name).clone()
    expected[0, HEAD, QUERY, KEY] = 0.25
    assert torch.equal(pattern(name, mw.SetValue(edge(), 0.25)), expected)
    expected[0, HEAD, QUERY, KEY] = 0.5 * pattern(name)[0, HEAD, QUERY, KEY]
    assert torch.equal(pattern(name, mw.Scale(edge(), 0.5)), expected)


@each_model
def test_a_replaced_pattern_is_the_given_one_and_its_own_changes_no_bit(name: str) -> None:
    plain = pattern(name)
    n, m = plain.shape[-2:]
    head = mw.Head(LAYER, HEAD, cross=True)
    first = torch.zeros(n, m)
    first[:, 0] = 1
    given = torch.rand(n, m, generator=torch.Generator().manual_seed(0))
    for what, rows in (("first", first), ("uniform", torch.full((n, m), 1 / m)), (given, given)):
        made = pattern(name, mw.ReplacePattern(head, what))
        assert torch.allclose(made[0, HEAD], rows, atol=1e-7)
        part = pattern(name, mw.ReplacePattern(mw.Head(LAYER, HEAD, [-1], cross=True), what))
        assert torch.allclose(part[0, HEAD, -1], rows[-1], atol=1e-7)
        assert torch.equal(part[:, :, :-1], plain[:, :, :-1])
    own = mw.ReplacePattern(head, plain[0, HEAD])
    logits = [hooked(name).run(prompt(name), s, read=["cross_pattern"]).logits for s in ([], [own])]
    assert torch.equal(*logits)


@each_model
def test_the_edge_of_a_sweep_is_that_of_a_single_run(name: str) -> None:
    variants = [[mw.KnockOut(edge(query, key))] for query in (0, 6) for key in (-1, 4)]
    rows = hooked(name).run_rows(prompt(name), variants)
    for variant, row in zip(variants, rows, strict=True):
        alone = hooked(name).run(prompt(name), variant, replay=False)
        assert torch.allclose(row.logits, alone.logits, atol=2e-4)
        assert [fired.site for fired in row.fired] == [mw.Site("cross_pattern", LAYER)]


def test_frozen_patterns_are_frozen_over_the_encoder_too() -> None:
    """What the encoder moves changes; where the decoder looks at it does not."""
    upstream = mw.Scale(mw.MLP(0), 3.0)
    plain, free = pattern("t5"), pattern("t5", upstream)
    assert not torch.allclose(plain, free, atol=1e-3)
    for freeze in (mw.Freeze("pattern"), mw.Freeze("pattern", [LAYER])):
        assert torch.equal(pattern("t5", upstream, freeze), plain)
    elsewhere = pattern("t5", upstream, mw.Freeze("pattern", [LAYER]), layer=LAYER + 1)
    assert not torch.equal(elsewhere, pattern("t5", layer=LAYER + 1))


def test_a_generation_keeps_what_is_cut() -> None:
    """Edges of generated positions have absolute queries; their keys are all there already."""
    model, inputs = hooked("t5"), mw.Inputs(example(11)[0].tolist(), [0, 5, 6])
    edits = [
        mw.KnockOut(edge(1, 4)),
        mw.KnockOut(edge(4, -1)),
        mw.ReplacePattern(mw.Head(6, 1, cross=True), "first"),
    ]
    kept, computed = (
        [step.logits for step in model.generate(inputs, edits, max_new_tokens=4, cache=cache)]
        for cache in (True, False)
    )
    assert torch.allclose(torch.stack(kept), torch.stack(computed), atol=1e-4)
    plain = [step.logits for step in model.generate(inputs, max_new_tokens=4)]
    assert not torch.allclose(torch.stack(plain), torch.stack(kept), atol=1e-3)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (mw.Edge(5, 2, 1, -4, cross=True), "cross head 5.2 from 1 to -4 of the encoder"),
        (mw.Edge(5, 2, 1, 4), "head 5.2 from 1 to 4"),
    ],
)
def test_an_edge_goes_through_json_and_says_where_its_key_is(part: mw.Edge, words: str) -> None:
    assert component_from_json(part.to_json()) == part
    assert str(part) == words
    cut = mw.KnockOut(part)
    assert intervention_from_json(cut.to_json()) == cut
    assert cut.sentence == f"Knock out {words}"
    assert part != mw.Edge(part.layer, part.head, part.query, part.key, cross=not part.cross)


def test_an_oblong_pattern_goes_through_json() -> None:
    given = mw.ReplacePattern(mw.Head(5, 0, cross=True), [[0.5, 0.25, 0.25], [0, 1, 0]])
    assert intervention_from_json(given.to_json()) == given


def test_what_does_not_fit_is_refused() -> None:
    model, tokens = hooked("t5"), prompt("t5")
    for key in (11, -12):
        cut, held = edge(key=key), r"key -?\d+; the stack that is attended to reads 11 positions"
        for edit in (mw.KnockOut(cut), mw.Scale(cut, 2.0), mw.SetValue(cut, 0.0)):
            with pytest.raises(InterventionError, match=held):
                model.run(tokens, [edit])
    with pytest.raises(InterventionError, match="position 7; the prompt has 7 tokens"):
        model.run(tokens, [mw.KnockOut(edge(query=7))])
    with pytest.raises(InterventionError, match="key 11; the stack"):
        model.run_rows(tokens, [[mw.KnockOut(edge())], [mw.KnockOut(edge(key=11))]])
    assert torch.equal(model.run(tokens).logits, model.run(tokens, replay=False).logits)
    head = mw.Head(5, 0, cross=True)
    with pytest.raises(InterventionError, match="is for 2 tokens; the prompt has 7"):
        model.run(tokens, [mw.ReplacePattern(head, [[1, 0, 0], [1, 0, 0]])])
    with pytest.raises(InterventionError, match=r"rows of 2 keys .*; the stack .* reads 11"):
        model.run(tokens, [mw.ReplacePattern(head, [[1, 0]] * 7)])
    for named in ("self", "previous"):
        with pytest.raises(InterventionError, match="expected 'first' or 'uniform'"):
            mw.ReplacePattern(head, named)
    with pytest.raises(InterventionError, match="as many numbers in each"):
        mw.ReplacePattern(head, [[1, 0], [1]])
    with pytest.raises(InterventionError, match="expected True or False"):
        mw.Edge(5, 0, 1, 1, cross=1)  # type: ignore[arg-type]
    for part, why in (
        (mw.Edge(1, 0, 1, 1, cross=True), "layer 1 has no attention pattern to another stack"),
        (mw.Edge(5, 4, 1, 1, cross=True), r"layer 5 has 4 heads \(0 to 3\) to another stack"),
    ):
        with pytest.raises(ComponentError, match=why):
            model.run(tokens, [mw.KnockOut(part)])
    merged = mw.wrap(build("t5gemma2", "encoder-decoder"))  # attends to both stacks at once
    with pytest.raises(ComponentError, match="layer 5 has no attention pattern to another stack"):
        merged.run(merged.source.example(), [mw.KnockOut(edge())])
