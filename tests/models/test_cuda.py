"""A model on a GPU: tensors stay there, the laws hold, and the host gets only what is asked for.

Run where there is a GPU and reported as skipped where there is none. Law by law this is what the
other tests check on the CPU; here it is checked that nothing depends on being there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import mechwidget as mw
from mechwidget.analysis import ablation_sweep
from mechwidget.analysis.head_scores import SCORES
from mechwidget.wire.frames import encode
from tests.models.everything import every_intervention
from tests.models.zoo.build import build, edited_copy, example, own_logits, zero_head_weights
from tests.models.zoo.species import ZOO
from tests.zoo import build as every_type
from tests.zoo.own import prompt_of

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
]

DEVICE = "cuda"
NAMES = ("gpt2", "llama", "gemma2", "gptj", "mixtral")
OTHERS = {"bert": "encoder", "t5": "encoder-decoder", "whisper": "speech", "vit": "vision"}
SCALARS = 2  # numbers: the size of a change is two, and what is compared is one


class ToTheHost(TorchDispatchMode):
    """Counts what is copied from a device to the host while it is on, in numbers per copy."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        before = [a for a in args if isinstance(a, torch.Tensor)]
        there = [a for a in before if a.device.type == DEVICE]
        here = isinstance(result, torch.Tensor) and result.device.type == "cpu"
        if there and here:
            self.sizes.append(result.numel())
        return result


@pytest.fixture(scope="module", autouse=True)
def _full_precision() -> Iterator[None]:
    """TF32 would round what is compared here to ten bits."""
    allowed = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32 = allowed


@pytest.fixture(scope="module")
def models() -> Callable[[str], tuple[nn.Module, mw.HookedModel]]:
    known: dict[str, tuple[nn.Module, mw.HookedModel]] = {}

    def of(name: str) -> tuple[nn.Module, mw.HookedModel]:
        if name not in known:
            module = build(name).to(DEVICE)
            known[name] = (module, mw.wrap(module, name=name))
        return known[name]

    return of


each_model = pytest.mark.parametrize("name", NAMES)


@each_model
def test_a_run_is_the_models_own_and_its_tensors_stay(name: str, models: Any) -> None:
    module, model = models(name)
    ids = example()
    assert model.device.type == DEVICE
    for given in (ids, ids.to(DEVICE)):
        run = model.run(given, read=[s for s in model.sites if s.name not in _TAPPED])
        assert torch.equal(run.logits, own_logits(module, ids.to(DEVICE)))
        assert {tensor.device.type for tensor in (run.logits, *run.read.values())} == {DEVICE}
    tapped = model.run(ids, read=["pattern"])
    assert {tensor.device.type for tensor in tapped.read.values()} == {DEVICE}
    assert all(parameter.device.type == DEVICE for parameter in module.parameters())


@each_model
def test_the_ledger_is_that_of_the_cpu(name: str, models: Any) -> None:
    _, model = models(name)
    assert model.sites == mw.wrap(build(name)).sites


@each_model
def test_an_ablated_head_is_its_weights_set_to_zero(name: str, models: Any) -> None:
    module, model = models(name)
    surgery = edited_copy(module)
    zero_head_weights(surgery.get_submodule(ZOO[name].w_o.format(1)), 2, model.n_heads(1))
    ids = example().to(DEVICE)
    ablated = model.run(ids, [mw.Ablate(mw.Head(1, 2))]).logits
    assert torch.allclose(ablated, own_logits(surgery, ids), atol=1e-4)


@each_model
def test_every_intervention_gives_what_it_gives_on_the_cpu(name: str, models: Any) -> None:
    _, model = models(name)
    ids = example()
    other = (ids[0] + 1).tolist()
    at_home = mw.wrap(build(name))
    model.run(ids)
    for intervention in every_intervention(model, other):
        run = model.run(ids, [intervention])
        assert run.logits.device.type == DEVICE
        expected = at_home.run(ids, [intervention])
        assert torch.allclose(run.logits.cpu(), expected.logits, atol=1e-3), intervention
        full = model.run(ids, [intervention], replay=False)
        assert torch.allclose(run.logits, full.logits, atol=1e-4), intervention


@each_model
def test_rows_are_single_runs(name: str, models: Any) -> None:
    _, model = models(name)
    ids = example()
    variants = [[each] for each in every_intervention(model, (ids[0] + 1).tolist())]
    rows = model.run_rows(ids, variants, read=["resid_post"], positions=[-1])
    for row, variant in zip(rows, variants, strict=True):
        alone = model.run(ids, variant, positions=[-1])
        assert row.logits.device.type == DEVICE
        assert {tensor.device.type for tensor in row.read.values()} == {DEVICE}
        assert torch.allclose(row.logits, alone.logits, atol=1e-4), variant


@each_model
def test_baselines_are_remembered_where_the_model_is(name: str, models: Any) -> None:
    _, model = models(name)
    ids = example()
    model.baselines.forget()
    first, again = model.run(ids), model.run(ids)
    assert again.plan.replayed == model.n_layers
    assert torch.equal(first.logits, again.logits)
    late = model.run(ids, [mw.Ablate(mw.MLP(model.n_layers - 1))])
    full = model.run(ids, [mw.Ablate(mw.MLP(model.n_layers - 1))], replay=False)
    assert torch.equal(late.logits, full.logits)
    held = [
        tensor
        for baseline, *_ in model.baselines._entries.values()
        for tensor in tensors_in([record.returned for record in baseline.records])
    ]
    assert held
    assert {tensor.device.type for tensor in held} == {DEVICE}


def tensors_in(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value
    return [t for item in items for t in tensors_in(item)] if isinstance(value, _NESTED) else []


@pytest.mark.parametrize("kind", OTHERS)
def test_encoders_and_signals(kind: str) -> None:
    module = every_type.build(kind, OTHERS[kind])
    at_home = mw.wrap(module)
    prompt, ablation = prompt_of(at_home), [mw.Ablate(mw.MLP(0))]
    expected = at_home.run(prompt, ablation, read=["pattern"])
    model = mw.wrap(every_type.build(kind, OTHERS[kind]).to(DEVICE))
    run = model.run(prompt, ablation, read=["pattern"])
    assert {tensor.device.type for tensor in (run.logits, *run.read.values())} == {DEVICE}
    assert torch.allclose(run.logits.cpu(), expected.logits, atol=1e-3)
    for site, pattern in run.read.items():
        assert torch.allclose(pattern.cpu(), expected.read[site], atol=1e-4), site


@pytest.mark.parametrize("kind", ["t5", "whisper"])
def test_patterns_over_another_stack_and_what_comes_from_a_signal(kind: str) -> None:
    starts = {"decoder_start_token_id": 1} if kind == "whisper" else {}
    module = every_type.build(kind, OTHERS[kind], **starts)
    at_home, model = mw.wrap(module), mw.wrap(copy.deepcopy(module).to(DEVICE))
    prompt = prompt_of(at_home)
    given = prompt.encoder.signal.tensor.flip(-1) if kind == "whisper" else prompt.encoder.ids[::-1]
    head = mw.Head(6, 1, cross=True)
    for edit in (
        mw.KnockOut(mw.Edge(5, 2, -1, 3, cross=True)),
        mw.SetValue(mw.Edge(5, 2, 0, -1, cross=True), 0.5),
        mw.ReplacePattern(head, "uniform"),
        mw.ReplacePattern(head, [[1.0] + [0.0] * (len(prompt.encoder) - 1)] * len(prompt)),
        mw.Patch(mw.Residual(1), given),
        mw.Ablate(mw.Head(1, 2), "mean", [given]),
    ):
        run = model.run(prompt, [edit])
        assert run.logits.device.type == DEVICE
        assert torch.allclose(run.logits.cpu(), at_home.run(prompt, [edit]).logits, atol=1e-3), edit


def test_a_run_hands_over_single_numbers_only(models: Any) -> None:
    _, model = models("gpt2")
    ids = example()
    edits = [mw.Ablate(mw.Head(1, 2)), mw.Steer(mw.Residual(1), [1.0] * model.d_model, 0.5)]
    model.run(ids)
    model.run(ids, edits)  # what has to be proved is proved once
    with ToTheHost() as seen:
        run = model.run(ids, edits, read=["z", "pattern"])
        model.run_rows(ids, [[each] for each in edits], positions=[-1])
    assert max(seen.sizes, default=0) <= SCALARS
    with ToTheHost() as seen:
        run.logits[0, -1].cpu()
    assert seen.sizes == [model.vocab_size]  # so a copy is seen when there is one


def test_a_session_hands_over_what_is_drawn(models: Any) -> None:
    _, model = models("gpt2")
    ids = example()[0].tolist()
    with mw.Session(model, ids, metric=mw.LogitDiff(3, 4)) as session:
        session.ablate(mw.Head(1, 2))
        session.wait()
        assert session.result.logits.device.type == DEVICE
        assert session.metric_value != session.baseline_metric_value
        pattern = session.pattern(mw.Head(1, 2)).result()
        assert pattern.device.type == "cpu"
        assert encode(pattern, "u8", "tril").shape == (len(ids), len(ids))
        for score in SCORES:
            assert isinstance(session.scores(score).result().heads, np.ndarray)
    on_device = model.run(ids, read=["pattern"]).read["pattern", 1][0, 2]
    drawn = encode(on_device, "f32").values()
    assert np.array_equal(drawn, on_device.cpu().numpy())


def test_a_sweep_is_that_of_the_cpu(models: Any) -> None:
    _, model = models("llama")
    ids, metric = example()[0].tolist(), mw.LogitDiff(3, 4)
    here = {e.component: e.value for e in ablation_sweep(model, ids, metric)}
    there = {e.component: e.value for e in ablation_sweep(mw.wrap(build("llama")), ids, metric)}
    assert here.keys() == there.keys()
    assert all(abs(here[each] - there[each]) < 1e-3 for each in here)


def test_weights_that_change_on_the_device_are_seen(models: Any) -> None:
    module = build("gpt2").to(DEVICE)
    model, ids = mw.wrap(module), example()
    before = model.run(ids).logits
    with torch.no_grad():
        module.transformer.h[1].mlp.c_proj.weight.mul_(2)
    after = model.run(ids).logits
    assert not torch.equal(before, after)
    assert torch.equal(after, own_logits(module, ids.to(DEVICE)))


def test_running_out_of_memory_leaves_the_model_usable(models: Any) -> None:
    module, model = models("gpt2")
    ids = example()

    def fail() -> bool:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        model.run(ids, [mw.Ablate(mw.Head(1, 2))], cancelled=fail)
    assert torch.equal(model.run(ids).logits, own_logits(module, ids.to(DEVICE)))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are not two GPUs here")
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_model_over_two_devices(name: str) -> None:
    from accelerate import dispatch_model

    stem = "model.layers" if name == "llama" else "transformer.h"
    module, alone = build(name), mw.wrap(build(name))
    layers = len(module.get_submodule(stem))
    around = [child for child, _ in module.named_modules() if child.count(".") == 1]
    places = {child: 0 for child in (*around, "lm_head") if child != stem}
    places |= {f"{stem}.{n}": int(n > 0) for n in range(layers)}
    spread = dispatch_model(module, places)
    model, ids = mw.wrap(spread), example()
    run = model.run(ids, [mw.Ablate(mw.Head(1, 2))], read=["z"])
    assert run.read["z", 0].device.index == 0
    assert run.read["z", 2].device.index == 1
    expected = alone.run(ids, [mw.Ablate(mw.Head(1, 2))]).logits
    assert torch.allclose(run.logits.cpu(), expected, atol=1e-3)
    assert torch.equal(model.run(ids).logits.cpu(), own_logits(spread, ids.to("cuda:0")).cpu())
    for intervention in every_intervention(model, (ids[0] + 1).tolist()):
        logits = model.run(ids, [intervention]).logits.cpu()
        assert torch.allclose(logits, alone.run(ids, [intervention]).logits, atol=1e-3)


_TAPPED = ("q", "k", "v", "scores", "pattern")
_NESTED = (list, tuple, dict)
