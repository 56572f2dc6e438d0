"""Models that accelerate offloads: weights come in when they are called, and are gone again."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import mechwidget as mw
from mechwidget.errors import CancelledError
from mechwidget.models.edit import Edit
from tests.models.state import state_of
from tests.models.zoo.build import build, example, own_logits, zero_head_weights

accelerate = pytest.importorskip("accelerate")

CPU = torch.device("cpu")
PLACES = {
    "gpt2": {
        "transformer.wte": "cpu",
        "transformer.wpe": "cpu",
        "transformer.h.0": "cpu",
        "transformer.h.1": "disk",
        "transformer.h.2": "disk",
        "transformer.ln_f": "disk",
        "lm_head": "cpu",
    },
    "llama": {
        "model.embed_tokens": "cpu",
        "model.rotary_emb": "cpu",
        "model.layers.0": "cpu",
        "model.layers.1": "disk",
        "model.layers.2": "disk",
        "model.norm": "cpu",
        "lm_head": "disk",
    },
}
OUTPUT = {"gpt2": "transformer.h.1.attn.c_proj", "llama": "model.layers.1.self_attn.o_proj"}


def in_memory(kind: str, _folder: Path) -> nn.Module:
    return accelerate.cpu_offload(build(kind), execution_device=CPU)


def on_disk(kind: str, folder: Path) -> nn.Module:
    model = build(kind)
    accelerate.disk_offload(model, str(folder), execution_device=CPU)
    return model


def in_part(kind: str, folder: Path) -> nn.Module:
    return accelerate.dispatch_model(
        build(kind), PLACES[kind], main_device="cpu", offload_dir=str(folder)
    )


Offload = Callable[[str, Path], nn.Module]
ALL = pytest.mark.parametrize("offload", [in_memory, on_disk, in_part], ids=lambda f: f.__name__)
BOTH = pytest.mark.parametrize("kind", ["gpt2", "llama"])


def notes_of(model: nn.Module) -> dict[str, Any]:
    """What accelerate's hooks remember between and during forward passes."""
    found = {}
    for name, module in model.named_modules():
        hook = module.__dict__.get("_hf_hook")
        for part in getattr(hook, "hooks", (hook,)) if hook is not None else ():
            known = {k: v for k, v in vars(part).items() if k != "weights_map"}
            tied = known.pop("tied_params_map", None) or {}
            found[name, type(part).__name__] = (
                {k: repr(v) for k, v in known.items()},
                {pointer: sorted(map(str, devices)) for pointer, devices in tied.items()},
            )
    return found


@BOTH
@ALL
def test_an_offloaded_model_gives_its_own_logits_and_stays_offloaded(
    kind: str, offload: Offload, tmp_path: Path
) -> None:
    model, ids = offload(kind, tmp_path), example()
    before, notes = state_of(model), notes_of(model)
    assert any(parameter.is_meta for parameter in model.parameters())
    wrapped = mw.wrap(model)
    run = wrapped.run(ids)
    assert run.plan.replayed == 0
    assert "accelerate" in run.plan.why
    wrapped.run(ids, [mw.Ablate(mw.Head(1, 2))], read=wrapped.sites)
    assert (state_of(model), notes_of(model)) == (before, notes)
    assert torch.equal(run.logits, own_logits(model, ids))
    assert (wrapped.n_heads(2), wrapped.n_neurons(2), str(wrapped.device)) == (4, 48, "cpu")


@BOTH
@ALL
def test_ablating_a_head_is_surgery_on_weights_that_are_elsewhere(
    kind: str, offload: Offload, tmp_path: Path
) -> None:
    model, ids, copied = offload(kind, tmp_path), example(), build(kind)
    zero_head_weights(copied.get_submodule(OUTPUT[kind]), 2, 4)
    edits = [mw.Ablate(mw.Head(1, 2))]
    wrapped, expected = mw.wrap(model), own_logits(copied, ids)
    assert torch.allclose(wrapped.run(ids, edits).logits, expected, atol=1e-5)
    rows = wrapped.run_rows(ids, [[mw.Ablate(mw.Head(1, head))] for head in range(4)])
    assert torch.allclose(rows[2].logits, expected, atol=1e-5)


class Meanwhile:
    """Something that happens in the middle of a forward pass."""

    def __init__(self, what: Callable[[], None]) -> None:
        self.what = what

    def edits(self, _model: Any, _n: int) -> tuple[Edit, ...]:
        def apply(tensor: torch.Tensor) -> torch.Tensor:
            self.what()
            return tensor

        return (Edit(mw.Site("pattern", 1), apply), Edit(mw.Site("mlp_out", 1), apply))


def interrupt(*_args: Any) -> None:
    raise KeyboardInterrupt


@ALL
def test_a_run_that_breaks_off_leaves_the_offloading_as_it_was(
    offload: Offload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, ids = offload("gpt2", tmp_path), example()
    before, notes = state_of(model), notes_of(model)
    wrapped = mw.wrap(model)
    with pytest.raises(KeyboardInterrupt):
        wrapped.run(ids, [Meanwhile(interrupt)])
    answers = iter([False, False, False, True])
    with pytest.raises(CancelledError):
        wrapped.run(ids, cancelled=lambda: next(answers))
    with monkeypatch.context() as patch:
        patch.setattr(nn.functional, "embedding", interrupt)  # a tied weight has just come in
        with pytest.raises(KeyboardInterrupt):
            wrapped.run(ids)
    assert (state_of(model), notes_of(model)) == (before, notes)
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))


@ALL
def test_the_users_own_forward_in_the_middle_of_ours_is_not_disturbed(
    offload: Offload, tmp_path: Path
) -> None:
    model, ids, seen = offload("gpt2", tmp_path), example(), []
    reference = own_logits(model, ids)
    wrapped = mw.wrap(model)
    expected = wrapped.run(ids).logits

    def meanwhile() -> None:
        other = threading.Thread(target=lambda: seen.append(own_logits(model, ids)))
        other.start()
        other.join()

    assert torch.allclose(wrapped.run(ids, [Meanwhile(meanwhile)]).logits, expected, atol=1e-5)
    assert len(seen) == 2
    assert all(torch.equal(logits, reference) for logits in seen)


class Watched(Mapping[str, torch.Tensor]):
    """Weights that are elsewhere, and how many of their numbers were ever here at once."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        self.weights, self.here, self.most = weights, [], 0

    def __getitem__(self, name: str) -> torch.Tensor:
        loaded = self.weights[name].clone()
        self.here = [ref for ref in self.here if ref() is not None] + [weakref.ref(loaded)]
        self.most = max(self.most, sum(ref().numel() for ref in self.here))
        return loaded

    def __iter__(self) -> Iterator[str]:
        return iter(self.weights)

    def __len__(self) -> int:
        return len(self.weights)


def test_no_more_weights_are_here_at_once_than_in_the_models_own_forward() -> None:
    model, ids = build("llama"), example()
    weights = Watched({name: tensor.clone() for name, tensor in model.state_dict().items()})
    accelerate.cpu_offload(model, execution_device=CPU, state_dict=weights)
    own_logits(model, ids)
    most, weights.most = weights.most, 0
    wrapped = mw.wrap(model)
    assert 0 < weights.most <= most
    weights.most = 0
    wrapped.run(ids, [mw.Ablate(mw.Head(1, 2))], read=wrapped.sites)
    assert 0 < weights.most <= most
    assert most < sum(tensor.numel() for tensor in weights.weights.values()) / 3
