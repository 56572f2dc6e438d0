"""A generation is what recomputing the text each time gives; without edits, the model's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

import mechwidget as mw
from mechwidget.models import Edit
from tests.interventions.parts import HEADED, TRAITS, has_pattern
from tests.models.homemade import Homemade
from tests.models.zoo.build import build, example, hooked, shared
from tests.models.zoo.species import ZOO

N, NEW = 11, 6  # the prompt, and what is generated
WIDTH = 32


def vector(seed: int = 5) -> list[float]:
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed)).tolist()


def lists_for(model: mw.HookedModel) -> list[list]:
    """Lists of interventions of every kind that the model's layers can have."""
    layer = next((i for i in range(model.n_layers) if model.n_heads(i)), 1)
    stream = [
        mw.Steer(mw.Residual(1), vector(), 2.0),
        mw.Steer(mw.Residual(0, [2, -1, N + 1, N + 3], "post"), vector(6), 0.3, "share"),
        mw.SkipLayer(mw.Layer(1, [4, N, N + 2])),
        mw.Scale(mw.Layer(2), 0.5),
        mw.Ablate(mw.Residual(2, [3, N + 1]), "mean", [example().flip(1), example(5)]),
    ]
    if model.has_mlp(1):
        stream.append(mw.Ablate(mw.MLP(1), "mean", example().flip(1)))
    lists = [stream]
    if model.n_heads(layer):
        head = mw.Head(layer, 1)
        lists.append(
            [mw.Ablate(head), mw.Scale(mw.Head(layer, 2, [0, N, N + 1]), 3.0), *stream[:1]]
        )
        lists.append([mw.Patch(head, example().flip(1)), mw.Freeze(mw.Head(layer, 2))])
    if has_pattern(model, layer):
        lists.append(
            [
                mw.KnockOut(mw.Edge(layer, 0, N + 1, N)),
                mw.KnockOut(mw.Edge(layer, 1, 8, 6), renormalise=False),
                mw.SetValue(mw.Edge(layer, 2, N + 2, N + 1), 0.7),
                mw.Scale(mw.Edge(layer, 2, -1, -2), 0.1),
                mw.ReplacePattern(mw.Head(layer, 3), "previous"),
                mw.ReplacePattern(mw.Head(layer, 0, [N + 3]), "self"),
                mw.Freeze("pattern", [model.n_layers - 1] if layer != model.n_layers - 1 else None),
            ][: 6 if model.ledger.blocks[-1].attention is None else 7]
        )
        matrix = torch.rand(N, N, generator=torch.Generator().manual_seed(2)).tril()
        lists.append([mw.ReplacePattern(mw.Head(layer, 1), matrix), mw.Ablate(mw.Head(layer, 0))])
    return lists


def steps_of(model: mw.HookedModel, *arguments, **options) -> list:
    return list(
        model.generate(example(), *arguments, max_new_tokens=NEW, stop_tokens=(), **options)
    )


def alike(found: Sequence, expected: Sequence, room: float = 1e-4) -> None:
    assert [step.id for step in found] == [step.id for step in expected]
    for a, b in zip(found, expected, strict=True):
        assert a.logits.shape == b.logits.shape
        assert float((a.logits - b.logits).abs().max()) <= room * (1 + float(b.logits.abs().max()))
        assert a.position == b.position
        assert a.probability == pytest.approx(b.probability, rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("name", ZOO)
def test_with_the_cache_as_without(name: str) -> None:
    model, lists = hooked(name), lists_for(hooked(name))
    for edits in lists if name in TRAITS else lists[1:4:2] or lists:
        cached = model.generate(example(), edits, NEW, stop_tokens=())
        alike(list(cached), steps_of(model, edits, cache=False))
        assert cached.recomputes in (
            "",
            "the model's forward makes no cache",
            "the model's cache does not give what recomputing gives",
        )


def test_nearly_every_architecture_has_a_cache_that_is_used() -> None:
    without = set()
    for name in ZOO:
        going = hooked(name).generate(example(), max_new_tokens=1)
        next(going)
        without |= {name} if going.recomputes else set()
    assert without <= {"openai_gpt", "bamba"}


@pytest.mark.parametrize("name", ZOO)
def test_without_interventions_it_is_transformers_own(name: str) -> None:
    model = hooked(name)
    generation = model.generate(example(), max_new_tokens=NEW)
    found = list(generation)
    theirs = shared(name).generate(
        example(),
        attention_mask=torch.ones_like(example()),
        do_sample=False,
        max_new_tokens=NEW,
        use_cache=not generation.recomputes,
        output_scores=True,
        return_dict_in_generate=True,
    )
    assert [step.id for step in found] == theirs.sequences[0, N:].tolist()
    for step, scores in zip(found, theirs.scores, strict=True):
        assert float((step.logits - scores[0]).abs().max()) <= 1e-5 * (1 + scores.abs().max())
    assert generation.attention == "own"


def reference(model: mw.HookedModel, edits: Sequence, on: str) -> list[tuple[int, torch.Tensor]]:
    """Greedy tokens by full runs over the text so far, the positions of each edit spelled out."""
    ids, found = example()[0].tolist(), []
    for _ in range(NEW):
        scope = {
            "both": range(len(ids)),
            "prompt": range(N),
            "generated": range(N, len(ids)),
        }[on]
        placed = [
            replace(edit, component=replace(edit.component, positions=list(scope)))
            for edit in edits
            if scope
        ]
        logits = model.run(ids, placed, positions=[-1], replay=False).logits[0, 0]
        found.append((int(logits.argmax()), logits))
        ids.append(found[-1][0])
    return found


@pytest.mark.parametrize("name", TRAITS)
@pytest.mark.parametrize("on", ["both", "prompt", "generated"])
def test_it_acts_on_the_prompt_on_what_is_generated_or_on_both(name: str, on: str) -> None:
    model = hooked(name)
    edits = [mw.Steer(mw.Residual(1), vector(), 2.0), mw.Scale(mw.Layer(2), 0.3)]
    if model.n_heads(1):
        edits.append(mw.Ablate(mw.Head(1, 2)))
    expected = reference(model, edits, on)
    for cache in (True, False):
        found = steps_of(model, edits, on=on, cache=cache)
        assert [step.id for step in found] == [token for token, _ in expected]
        for step, (_, logits) in zip(found, expected, strict=True):
            apart = float((step.logits - logits).abs().max())
            assert apart <= 1e-4 * (1 + float(logits.abs().max()))


@pytest.mark.parametrize("name", HEADED)
def test_edges_and_patterns_of_generated_tokens_are_those_of_a_run(name: str) -> None:
    model = hooked(name)
    if not has_pattern(model):
        pytest.skip("no pattern in that layer")
    edits = [mw.KnockOut(mw.Edge(1, 0, N + 1, N)), mw.SetValue(mw.Edge(1, 1, N + 2, 9), 2.0)]
    edits.append(mw.ReplacePattern(mw.Head(1, 2, [N + 2]), "previous"))
    going, ids = model.generate(example(), edits, NEW, stop_tokens=()), example()[0].tolist()
    for step in going:
        here = [e for e in edits if max(e.component.positions) < len(ids)]
        logits = model.run(ids, here, positions=[-1], read=["pattern.1"], replay=False).logits[0, 0]
        assert float((step.logits - logits).abs().max()) <= 1e-4 * (1 + float(logits.abs().max()))
        ids.append(step.id)
        if not going.recomputes:
            here = [e for e in edits if step.position - 1 in e.component.positions]
        assert sorted(each.intervention for each in step.fired) == [edits.index(e) for e in here]


@pytest.mark.parametrize("name", TRAITS)
def test_beside_its_baseline_each_row_is_what_it_is_alone(name: str) -> None:
    model = hooked(name)
    for edits, options in zip(
        lists_for(model)[-2:],
        ({}, {"temperature": 1.3, "top_p": 0.9, "seed": 4}),
        strict=False,
    ):
        pair = model.generate(
            example(), edits, NEW, stop_tokens=(), beside_baseline=True, **options
        )
        found = list(pair)
        alike([step.baseline for step in found], steps_of(model, **options))
        alike(found, steps_of(model, edits, **options))
        apart = [step.position for step in found if step.id != step.baseline.id]
        assert pair.divergence == (apart[0] if apart else None)


def test_rows_that_disturb_one_another_are_decoded_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from mechwidget.models import generation

    model = hooked("gpt2")
    edits = lists_for(model)[2]
    together = steps_of(model, edits, beside_baseline=True)
    monkeypatch.setattr(generation, "rows_agree", lambda *_a, **_k: False)
    apart = steps_of(model, edits, beside_baseline=True)
    alike(apart, together)
    alike([step.baseline for step in apart], [step.baseline for step in together])


def test_without_edits_both_rows_are_one_text_also_where_it_is_drawn() -> None:
    model = hooked("llama")
    for nothing in ([], [mw.Scale(mw.MLP(1), 1.0)]):
        pair = model.generate(example(), nothing, 20, temperature=1.0, seed=3, beside_baseline=True)
        assert all(step.id == step.baseline.id for step in pair)
        assert pair.divergence is None


def test_other_interventions_half_way_start_another_cache() -> None:
    model = hooked("gpt2")
    first, second = [mw.Steer(mw.Residual(1), vector(), 3.0)], [mw.Ablate(mw.Head(1, 2))]
    for cache in (True, False):
        going = model.generate(example(), first, NEW, stop_tokens=(), cache=cache)
        ids = example()[0].tolist()
        for count, step in enumerate(going):
            edits = first if count < 3 else second
            logits = model.run(ids, edits, positions=[-1], replay=False).logits[0, 0]
            assert float((step.logits - logits).abs().max()) <= 1e-4
            ids.append(step.id)
            if count == 2:
                going.change(second)
    with model.generate(example(), first, 9, beside_baseline=True, stop_tokens=()) as going:
        next(going)
        going.change([])
        assert all(
            torch.allclose(s.logits, s.baseline.logits, atol=1e-5)
            for s in going
            if s.id == s.baseline.id
        )


class Custom:
    """An intervention that knows nothing of windows."""

    def edits(self, _model, n_positions: int) -> tuple[Edit, ...]:
        def shift(tensor: torch.Tensor) -> torch.Tensor:
            return tensor + torch.arange(n_positions).view(1, -1, 1) * 0.01

        return (Edit(mw.Site("resid_pre", 1), shift),)


def test_one_that_cannot_say_what_it_does_to_a_part_makes_it_recompute() -> None:
    model, ids = hooked("gpt2"), example()[0].tolist()
    going = model.generate(example(), [Custom()], NEW, stop_tokens=())
    for step in going:
        logits = model.run(ids, [Custom()], positions=[-1], replay=False).logits[0, 0]
        torch.testing.assert_close(step.logits, logits)
        ids.append(step.id)
    assert going.recomputes == "Custom has no edits for a part of the text"
    on_prompt = model.generate(example(), [Custom()], NEW, on="prompt", stop_tokens=())
    alike(list(on_prompt), steps_of(model, [Custom()], on="prompt", cache=False))
    assert on_prompt.recomputes == ""


def test_a_model_without_a_cache_recomputes() -> None:
    model, ids = mw.wrap(Homemade()), [3, 1, 4]
    going = model.generate(ids, [mw.Ablate(mw.Head(1, 2)), mw.SkipLayer(2)], 5)
    for step in going:
        edits = [mw.Ablate(mw.Head(1, 2)), mw.SkipLayer(2)]
        logits = model.run(ids, edits, positions=[-1], replay=False).logits[0, 0]
        torch.testing.assert_close(step.logits, logits)
        ids.append(step.id)
    assert going.recomputes == "the model's forward makes no cache"
    pair = list(model.generate([3, 1, 4], edits, 5, beside_baseline=True))
    assert [step.id for step in pair] == ids[3:]
    assert hooked("openai_gpt").generate([1], (), 1).recomputes == ""  # not known before it begins


def test_twin_hooks_and_other_runs_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from mechwidget.models import decoding

    model, made, ran = mw.wrap(build("llama")), [], []  # of its own: others leave sources held
    list(model.generate(example(), max_new_tokens=1))  # proofs are made once per model
    twin, run = decoding.make_twin, model.run
    monkeypatch.setattr(decoding, "make_twin", lambda module: made.append(1) or twin(module))
    monkeypatch.setattr(model, "run", lambda *a, **k: ran.append(1) or run(*a, **k))
    edits = [mw.Ablate(mw.MLP(1), "mean", [example(7), example(9)]), mw.Freeze(mw.Head(1, 0))]
    assert len(list(model.generate(example(), edits, 9, stop_tokens=()))) == 9
    assert (len(made), len(ran)) == (1, 3)  # two prompts of the mean, and the baseline
