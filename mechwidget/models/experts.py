"""The experts of a mixture, one neuron at a time: transformers' `ExpertsInterface`.

One function for every model on the interface, with the arithmetic of `eager`: each token goes
through the experts that the router chose for it, and what they give is summed by the router's
weights. It shows the choice, the weights and the chosen experts' neurons to a tap. It is
registered once under our own name, which no model of the user's ever selects: only a twin's own
copy of its config is switched to it.

In: a traced block, to find its experts; a twin to switch. Out: what `eager` would give, having
shown every tensor to the tap.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

from mechwidget.models.attention import NAME, TAP
from mechwidget.models.ledger import Experts, Place

if TYPE_CHECKING:
    from mechwidget.models.trace import Call, Trace

# Given a site's name, its tensor, and which entries of it exist; returns what flows on.
ExpertsTap = Callable[[str, torch.Tensor, "torch.Tensor | None"], torch.Tensor]
_SETTINGS = ("has_gate", "has_bias", "has_post_expert_norm", "is_transposed")
_STACKED = 3  # axes of the experts' weights: expert, in, out


def route_through(
    module: nn.Module,
    hidden_states: torch.Tensor,
    top_k_index: torch.Tensor,
    top_k_weights: torch.Tensor,
) -> torch.Tensor:
    """`[token, d_model]` through the experts `[token, slot]` that were chosen for it."""
    tap: ExpertsTap | None = module.__dict__.get(TAP)
    if tap is not None:
        top_k_index = tap("experts", top_k_index, None)
        top_k_weights = tap("expert_weights", top_k_weights, None)
    own: Any = module
    chosen = [e for e in torch.unique(top_k_index).tolist() if 0 <= e < own.num_experts]
    routed = {e: torch.where(top_k_index == e) for e in chosen}
    neurons = {e: _neurons(own, e, hidden_states[tokens]) for e, (tokens, _) in routed.items()}
    if tap is not None and neurons:
        neurons = _shown(neurons, routed, (len(hidden_states), own.num_experts), tap)
    written = torch.zeros_like(hidden_states)
    for expert, (tokens, slots) in routed.items():
        out = expert_output(own, expert, neurons[expert])
        if own.has_post_expert_norm:
            out = own.post_expert_norm(out)
        weighted = out * top_k_weights[tokens, slots, None]
        written.index_add_(0, tokens, weighted.to(written.dtype))
    return written


def _neurons(own: Any, expert: int, x: torch.Tensor) -> torch.Tensor:
    """What goes into the down projection of one expert, `[token, neuron]`."""
    return expert_activations(own, expert_inputs(own, expert, x))


def expert_inputs(own: Any, expert: int, x: torch.Tensor) -> torch.Tensor:
    """What one expert's first linear map makes of `x[token, d]`, gate and up side by side."""
    up = "gate_up_proj" if own.has_gate else "up_proj"
    return _linear(own, x, getattr(own, up)[expert], f"{up}_bias", expert)


def expert_activations(own: Any, made: torch.Tensor) -> torch.Tensor:
    """The neurons `[token, neuron]` of what that map has made."""
    neurons: torch.Tensor = own._apply_gate(made) if own.has_gate else own.act_fn(made)  # noqa: SLF001
    return neurons


def expert_output(own: Any, expert: int, neurons: torch.Tensor) -> torch.Tensor:
    """What one expert's down projection makes of its neurons, `[token, d]`."""
    return _linear(own, neurons, own.down_proj[expert], "down_proj_bias", expert)


def _linear(own: Any, x: torch.Tensor, weight: torch.Tensor, bias: str, at: int) -> torch.Tensor:
    made = x @ weight if own.is_transposed else functional.linear(x, weight)
    return made + getattr(own, bias)[at] if own.has_bias else made


def _shown(
    neurons: dict[int, torch.Tensor],
    routed: dict[int, tuple[torch.Tensor, ...]],
    shape: tuple[int, int],
    tap: ExpertsTap,
) -> dict[int, torch.Tensor]:
    """The neurons as the tap leaves them, shown as `[token, expert, neuron]`."""
    first = next(iter(neurons.values()))
    every = first.new_zeros(*shape, first.shape[-1])
    exists = torch.zeros(*shape, 1, dtype=torch.bool, device=first.device)
    for expert, (tokens, _) in routed.items():
        every[tokens, expert] = neurons[expert]
        exists[tokens, expert] = True
    passed = tap("expert_post", every, exists)
    return {expert: passed[tokens, expert] for expert, (tokens, _) in routed.items()}


def experts_in(trace: Trace, block: Call) -> Experts | None:
    """The experts of a block; None where it has none on the interface, or several sets of them."""
    found = [
        call
        for call in trace.calls
        if block.entered < call.entered and call.left < block.left and _is_on_interface(call)
    ]
    if len(found) != 1:
        return None
    down = found[0].module.get_parameter("down_proj")
    width = down.shape[1 if found[0].module.is_transposed else 2]
    return Experts(Place(found[0].name, found[0].nth), down.shape[0], width)


def _is_on_interface(call: Call) -> bool:
    """Whether a call is of experts that the interface can compute, over every token at once."""
    state, given = call.module.__dict__, call.args
    if any(name not in state for name in _SETTINGS) or len(given) != len(("x", "index", "weights")):
        return False
    down = state["_parameters"].get("down_proj")
    if down is None or down.dim() != _STACKED or not down.is_floating_point():
        return False
    tokens, choice, weights = given
    return (
        tokens.dim() == 2  # [token, d_model]
        and not choice.is_floating_point()
        and choice.shape == weights.shape
        and len(choice) == len(tokens)
    )


def switch_experts(twin: nn.Module) -> None:
    """Make every mixture of `twin` that is on the interface compute with `route_through`."""
    _register()
    copies: dict[int, Any] = {}
    for module in twin.modules():
        state = module.__dict__
        if all(name in state for name in _SETTINGS) and "config" in state:
            config = state["config"]
            switched = copies.setdefault(id(config), copy.copy(config))
            switched.__dict__["_experts_implementation_internal"] = NAME
            state["config"] = switched


@cache
def _register() -> None:
    ALL_EXPERTS_FUNCTIONS.register(NAME, route_through)
