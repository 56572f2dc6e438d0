"""The three architectures of the laws, with their weights named by hand: GPT-2, Llama (GQA) and
Gemma-2 (sandwich norms, two softcaps). Also prompts, and each model's own last steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from torch import nn

import mechwidget as mw
from tests.models.zoo.build import hooked, shared
from tests.models.zoo.species import HEADS, LAYERS, NEURONS, VOCABULARY, WIDTH, ZOO

THREE = ("gpt2", "llama", "gemma2")
ANYTHING = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.sampled_from(THREE)
PROMPTS = st.lists(st.integers(3, VOCABULARY - 1), min_size=2, max_size=9).map(tuple)
LAYER = st.integers(0, LAYERS - 1)
HEAD = st.integers(0, HEADS - 1)
PARTS = st.one_of(
    st.builds(mw.Head, LAYER, HEAD),
    st.builds(mw.Attention, LAYER),
    st.builds(mw.MLP, LAYER),
    st.builds(mw.Neuron, LAYER, st.integers(0, NEURONS - 1)),
    st.builds(mw.Residual, LAYER, st.none(), st.sampled_from(["pre", "post"])),
)


def rows_in(linear: nn.Module) -> torch.Tensor:
    """A linear map's weight as `[in, out]`, however its class keeps it."""
    weight: torch.Tensor = linear.weight.detach()
    return weight if type(linear).__name__ == "Conv1D" else weight.T


def bias_of(linear: nn.Module) -> torch.Tensor | float:
    bias = getattr(linear, "bias", None)
    return 0.0 if bias is None else bias.detach()


def w_o(name: str, layer: int) -> nn.Module:
    return shared(name).get_submodule(ZOO[name].w_o.format(layer))


def down(name: str, layer: int) -> nn.Module:
    return shared(name).get_submodule(ZOO[name].down.format(layer))


def gain(norm: nn.Module) -> torch.Tensor:
    """Gemma keeps its norms' gain less 1."""
    weight: torch.Tensor = norm.weight.detach()
    return 1 + weight if type(norm).__name__.startswith("Gemma") else weight


def through(norm: nn.Module, divisor: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """The norm without its bias, dividing by a given number: linear in what passes."""

    def linear(x: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True) if isinstance(norm, nn.LayerNorm) else x
        return centred / divisor * gain(norm)

    return linear


def final_norm(name: str) -> nn.Module:
    model = shared(name)
    return model.transformer.ln_f if name == "gpt2" else model.model.norm


def uncapped(name: str, logits: torch.Tensor) -> torch.Tensor:
    """What came out of the unembedding, before Gemma's softcap."""
    cap = getattr(shared(name).config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.atanh(logits.double() / cap).float()


def capped(name: str, logits: torch.Tensor) -> torch.Tensor:
    cap = getattr(shared(name).config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


def random_prompt(length: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, VOCABULARY, (1, length), generator=generator)


__all__ = ["HEADS", "LAYERS", "NEURONS", "VOCABULARY", "WIDTH", "hooked", "shared"]
