"""What plain Hugging Face hooks compute on the same weights, we compute too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import mechwidget as mw
from tests.models.zoo.species import ZOO
from tests.parity.pairs import HEAD, LAYER, MODELS, NEURON, module, prompts, require_same

each_model = pytest.mark.parametrize("name", MODELS)


def places(name: str) -> tuple[nn.Module, nn.Module, nn.Module]:
    """A layer's block, output projection and down projection, named by hand."""
    species = ZOO["llama" if name == "llama" else "gpt2"]
    block = "model.layers.{}" if name == "llama" else "transformer.h.{}"
    names = (block, species.w_o, species.down)
    block_, w_o, down = (module(name).get_submodule(each.format(LAYER)) for each in names)
    return block_, w_o, down


@torch.no_grad()
def hooked(name: str, ids: torch.Tensor, place: nn.Module, hook: Any) -> torch.Tensor:
    """The model's own logits with one pre-hook, taken off again."""
    handle = place.register_forward_pre_hook(hook)
    try:
        return module(name)(ids, use_cache=False).logits
    finally:
        handle.remove()


def on_input(change: Callable[[torch.Tensor], None]) -> Any:
    def hook(_module: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        x = args[0].clone()
        change(x)
        return (x, *args[1:])

    return hook


@each_model
def test_interventions(name: str) -> None:
    ours = mw.wrap(module(name), name=name)
    ids, other, _ = prompts(ours.vocab_size)
    block, w_o, down = places(name)
    width = mw.Head(LAYER, HEAD).width(ours)
    head = slice(HEAD * width, (HEAD + 1) * width)
    held: dict[str, torch.Tensor] = {}
    hooked(name, other, w_o, lambda _, args: held.update(z=args[0].clone()))
    hooked(name, other, block, lambda _, args: held.update(stream=args[0].clone()))
    source = tuple(other[0].tolist())
    cases: list[tuple[Any, nn.Module, Callable[[torch.Tensor], None]]] = [
        (mw.Ablate(mw.Head(LAYER, HEAD)), w_o, lambda z: z[..., head].zero_()),
        (mw.Scale(mw.Head(LAYER, HEAD, [-1]), 3.0), w_o, lambda z: z[:, -1, head].mul_(3)),
        (
            mw.Patch(mw.Head(LAYER, HEAD), source),
            w_o,
            lambda z: z[..., head].copy_(held["z"][..., head]),
        ),
        (mw.Ablate(mw.Neuron(LAYER, NEURON)), down, lambda x: x[..., NEURON].zero_()),
        (
            mw.Patch(mw.Residual(LAYER, [4]), source),
            block,
            lambda x: x[:, 4].copy_(held["stream"][:, 4]),
        ),
        (mw.Steer(mw.Residual(LAYER), torch.ones(ours.d_model), 0.5), block, lambda x: x.add_(0.5)),
    ]
    for intervention, place, change in cases:
        run = ours.run(ids, [intervention])
        require_same(run.logits, hooked(name, ids, place, on_input(change)), intervention)
        assert run.fired[0].change > 0, intervention


@each_model
def test_patterns_are_those_of_output_attentions(name: str) -> None:
    ours = mw.wrap(module(name), name=name)
    ids, *_ = prompts(ours.vocab_size)
    eager = module(name)
    implementation = eager.config._attn_implementation
    eager.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            theirs = eager(ids, use_cache=False, output_attentions=True).attentions
    finally:
        eager.set_attn_implementation(implementation)
    read = ours.run(ids, read=["pattern"]).read.layers("pattern")
    for layer, pattern in enumerate(theirs):
        require_same(read[layer], pattern, layer)
