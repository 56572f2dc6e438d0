"""Patching, mean, resampling and freezing: what comes from another run is exactly what it held."""

from __future__ import annotations

import threading

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import CancelledError, InterventionError, PromptError
from mechwidget.models import Edit
from tests.interventions.parts import HEADED, LAYER, TRAITS, parts
from tests.models.state import is_free, state_of
from tests.models.zoo.build import build, example, hooked
from tests.models.zoo.species import VOCABULARY, ZOO

LAW = {"atol": 1e-5, "rtol": 1e-5}


def other(length: int = 11, seed: int = 7) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, VOCABULARY, (1, length), generator=generator)


@pytest.mark.parametrize("name", ZOO)
def test_what_comes_from_the_same_prompt_changes_no_bit(name: str) -> None:
    model, ids = hooked(name), example()
    plain = model.run(ids)
    for part in parts(model):
        same = mw.Patch(part, ids)
        for edit in (
            same,
            mw.Patch(part, ids, "end"),
            mw.Ablate(part, "mean", ids, by_position=True),
            mw.Ablate(part, "resample", ids),
            mw.Ablate(part, "resample", [ids, ids], seed=3),
            mw.Freeze(part),
        ):
            run = model.run(ids, [edit])
            assert torch.equal(run.logits, plain.logits), edit
            assert run.attention == plain.attention
            assert all(each.change == 0 and each.reason for each in run.fired)


@pytest.mark.parametrize("name", ZOO)
def test_patching_the_whole_stream_is_the_other_prompt(name: str) -> None:
    """And so a metric that is 0 here and 1 there is 0 with nothing patched, 1 with everything."""
    model, here, there = hooked(name), example(), other()
    a, b = model.run(here).logits, model.run(there).logits
    for part in (mw.Residual(LAYER), mw.Residual(LAYER, None, "post"), mw.Residual(0)):
        run = model.run(here, [mw.Patch(part, there)])
        assert torch.equal(run.logits, b)
        assert run.fired[0].change > 0

    token = int((b - a)[0, -1].argmax())
    low, high = a[0, -1, token], b[0, -1, token]
    metric = lambda run: float((run.logits[0, -1, token] - low) / (high - low))  # noqa: E731
    assert metric(model.run(here)) == 0
    assert metric(model.run(here, [mw.Patch(mw.Residual(1), there)])) == 1


@pytest.mark.parametrize("name", TRAITS)
def test_only_what_is_named_is_patched(name: str) -> None:
    model, here, there = hooked(name), example(), other(13)
    cases = [
        ({"positions": [2, -1]}, {}, [(2, 2), (10, 12)]),
        ({}, {"align": "end"}, [(p, p + 2) for p in range(11)]),
        ({"positions": [3]}, {"align": "end"}, [(3, 5)]),
        ({}, {"align": [(4, 9), (-1, 0)]}, [(4, 9), (10, 0)]),
    ]
    for part in parts(model):
        site, unit = part.site, part.unit
        held = [model.run(ids, read=[site]).read[site] for ids in (here, there)]
        for limits, options, pairs in cases:
            fields = {**part.to_json(), **limits}
            chosen = mw.interventions.component_from_json(fields)
            flowed = model.run(here, [mw.Patch(chosen, there, **options)], read=[site]).read[site]
            expected = held[0].clone()
            for a, b in pairs:
                where = (0, a) if unit is None else (0, a, unit)
                expected[where] = held[1][(0, b) if unit is None else (0, b, unit)]
            if site.name == "resid_mid":
                assert torch.allclose(flowed, expected, **LAW)
            else:
                assert torch.equal(flowed, expected)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj"])
def test_a_longer_source_gives_the_end_of_a_shorter_one(name: str) -> None:
    model, here, there = hooked(name), example(), other(6)
    run = model.run(here, [mw.Patch(mw.MLP(1), there, "end")], read=["mlp_out"])
    plain = model.run(here, read=["mlp_out"]).read["mlp_out", 1]
    source = model.run(there, read=["mlp_out"]).read["mlp_out", 1]
    assert torch.equal(run.read["mlp_out", 1][:, 5:], source)
    assert torch.equal(run.read["mlp_out", 1][:, :5], plain[:, :5])


@pytest.mark.parametrize("name", TRAITS)
@pytest.mark.parametrize("by_position", [False, True])
def test_the_mean_is_the_mean_with_n_and_std(name: str, by_position: bool) -> None:
    model, here = hooked(name), example()
    prompts = [other(11, 1), other(13, 2), other(11, 3)]
    for part in parts(model, positions=[0, 4]):
        site = part.site
        edit = mw.Ablate(part, "mean", prompts, by_position)
        held = [model.run(ids, read=[site]).read[site][0] for ids in prompts]
        held = [each if part.unit is None else each[:, part.unit] for each in held]
        if by_position:
            means = torch.stack([torch.stack([h[p] for h in held]).mean(0) for p in (0, 4)])
        else:
            means = torch.cat(held).mean(0).expand(2, *held[0].shape[1:])
        flowed = model.run(here, [edit], read=[site]).read[site]
        assert torch.allclose(flowed[part.within(11)][0], means, **LAW)
        reference = edit.reference(model)
        if by_position:
            assert reference.n.tolist() == [3] * 11 + [1] * 2
            assert torch.allclose(reference.mean[[0, 4]], means, **LAW)
            assert torch.equal(reference.std[12], torch.zeros_like(reference.std[12]))
        else:
            assert int(reference.n) == 35
            everything = torch.cat(held).double()
            assert torch.allclose(reference.std, everything.std(0, correction=0).float(), **LAW)


@pytest.mark.parametrize("name", ["gpt2", "llama", "mamba"])
def test_resampling_takes_one_member_by_its_seed(name: str) -> None:
    model, here, part = hooked(name), example(), mw.Residual(1)
    members = [other(11, 1), other(5, 2), other(11, 3), other(14, 4)]
    sources = [model.run(ids).logits[:, :11] for ids in members]
    picked = set()
    for seed in range(30):
        edit = mw.Ablate(part, "resample", members, seed=seed)
        logits = model.run(here, [edit]).logits
        assert torch.equal(logits, model.run(here, [edit]).logits)
        (which,) = (i for i, own in enumerate(sources) if own.shape == logits.shape
                    and torch.allclose(own, logits, atol=1e-3))  # fmt: skip
        picked.add(which)
    assert picked == {0, 2, 3}  # the second one is too short


@pytest.mark.parametrize("name", HEADED)
def test_frozen_patterns_leave_exactly_the_change_of_what_is_moved(name: str) -> None:
    """Free ablation, with every pattern put back by hand, is the frozen one."""
    model, ids = hooked(name), example()
    baseline = model.run(ids, read=["pattern"])
    patterns = baseline.read.layers("pattern")

    class ByHand:
        def edits(self, _model, _n):
            return [Edit(mw.Site("pattern", n), lambda _, p=p: p) for n, p in patterns.items()]

    ablate = mw.SetValue(mw.Residual(0, [2]), 1.0)
    frozen = model.run(ids, [ablate, mw.Freeze("pattern")], read=["pattern", "z"])
    assert torch.equal(frozen.logits, model.run(ids, [ablate, ByHand()]).logits)
    for layer, pattern in patterns.items():
        assert torch.equal(frozen.read["pattern", layer], pattern)
    free = model.run(ids, [ablate], read=["pattern"])
    last = max(patterns)
    assert not torch.equal(free.read["pattern", last], patterns[last])
    assert not torch.equal(free.logits, frozen.logits)
    alone = model.run(ids, [mw.Freeze("pattern")])
    assert torch.equal(alone.logits, baseline.logits)
    assert alone.attention == baseline.attention == "explicit"
    assert {each.reason for each in alone.fired} == {"nothing had changed it"}


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj", "bloom"])
def test_a_source_computes_attention_as_the_run_does(name: str) -> None:
    """Otherwise patching from itself beside an explicit pattern would differ by rounding."""
    model = mw.wrap(build(name).bfloat16())
    ids = example()
    explicit = model.run(ids, read=["pattern"]).logits
    edits = [mw.Freeze("pattern"), *(mw.Patch(part, ids) for part in parts(model))]
    run = model.run(ids, edits)
    assert torch.equal(run.logits, explicit)
    assert all(each.change == 0 for each in run.fired)


def test_a_source_run_is_cancelled_with_its_run_and_leaves_nothing() -> None:
    model = build("gpt2")
    wrapped, before, asked = mw.wrap(model), state_of(model), []
    edit = mw.Patch(mw.MLP(1), other())

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(CancelledError):
        wrapped.run(example(), [edit], cancelled=cancelled)
    assert len(asked) == 3  # at the start of the source run, before its blocks 0 and 1
    assert is_free(wrapped.lock)
    assert state_of(model) == before


def test_each_source_is_run_once_and_within_the_lock() -> None:
    model, source = build("gpt2"), other()
    wrapped, free = mw.wrap(model), []
    handle = model.transformer.h[0].register_forward_hook(
        lambda *_: free.append(is_free(wrapped.lock))
    )
    edits = [mw.Patch(mw.MLP(n), source) for n in range(3)]
    wrapped.run(example(), [*edits, mw.Ablate(mw.Head(0, 1), "mean", [source, example()])])
    handle.remove()
    assert free == [False] * 3  # the source, the reference prompt, and the run itself


def test_threads_that_patch_from_different_prompts_do_not_meet() -> None:
    model, here = hooked("llama"), example()
    sources = [other(seed=seed) for seed in range(4)]
    expected = [model.run(ids).logits for ids in sources]
    wrong: list[int] = []

    def work(i: int) -> None:
        edits = [mw.Patch(mw.Residual(0), sources[i])]
        runs = [model.run(here, edits).logits for _ in range(8)]
        wrong.extend(i for logits in runs if not torch.equal(logits, expected[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (mw.Patch(mw.MLP(0), (3, 4)), InterventionError, "has 11 tokens and the source 2"),
        (mw.Patch(mw.MLP(0, [5]), (3, 4)), InterventionError, "position 5; the prompt has 2"),
        (mw.Patch(mw.MLP(0, [5]), (3, 4), "end"), InterventionError, "too few to align"),
        (mw.Patch(mw.MLP(0), (3, 4), [(1, 0), (1, 1)]), InterventionError, "one position from two"),
        (mw.Patch(mw.MLP(0, [-1, 10]), other(9).tolist()[0]), InterventionError, "position 10"),
        (mw.Patch(mw.MLP(0), "some text"), PromptError, "no tokenizer"),
        (mw.Patch(mw.MLP(0), (5, 10_000)), PromptError, "outside the model's vocabulary"),
        (mw.Ablate(mw.MLP(0), "resample", [(3, 4)]), InterventionError, "longest reference prompt"),
        (
            mw.Ablate(mw.MLP(0), "mean", [(3, 4)], by_position=True),
            InterventionError,
            "up to position 10",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(edit, error, message: str) -> None:
    with pytest.raises(error, match=message):
        edit.edits(hooked("gpt2"), 11)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mw.Patch(mw.Layer(0), (1,)), "expected a Head, Attention, MLP, Neuron, Exp"),
        (lambda: mw.Patch(mw.MLP(0), ()), "expected text or token ids"),
        (lambda: mw.Patch(mw.MLP(0), 5), "expected text or token ids"),
        (lambda: mw.Patch(mw.MLP(0), (1,), "left"), "expected 'same' or 'end'"),
        (lambda: mw.Patch(mw.MLP(0), (1,), [1, 2]), "align has 1; expected"),
        (lambda: mw.Patch(mw.MLP(0, [1]), (1,), [(1, 2)]), "names positions, and so does"),
        (lambda: mw.Ablate(mw.MLP(0), over="a"), "expected no reference prompts"),
        (lambda: mw.Ablate(mw.MLP(0), "resample"), "expected reference prompts"),
        (lambda: mw.Ablate(mw.MLP(0), "resample", "a", by_position=True), "belongs to mode 'mean'"),
        (lambda: mw.Ablate(mw.MLP(0), "mean", "a", seed=1), "belongs to mode 'resample'"),
        (lambda: mw.Ablate(mw.MLP(0)).reference(hooked("gpt2")), "has no mean"),
        (lambda: mw.Freeze("norms"), "expected 'pattern', 'norm', 'final_norm' or a comp"),
        (lambda: mw.Freeze(mw.MLP(0), [1]), "with 'pattern' or 'norm' only"),
        (lambda: mw.Freeze("final_norm", [1]), "with 'pattern' or 'norm' only"),
        (lambda: mw.Freeze("pattern", [-1]), "layers from 0"),
    ],
)
def test_what_means_nothing_cannot_be_made(make, message: str) -> None:
    with pytest.raises(InterventionError, match=message):
        make()
