"""TransformerLens, nnsight and plain Hugging Face hooks, doing the work that is measured.

In: a model in memory. Out: one object per library with the same methods; each gets a copy of the
model, since some of them change what they are given. What they return is compared with ours before
anything is timed.
"""

from __future__ import annotations

import copy
import importlib.util
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    import mechwidget as mw

LAST = {"logits_to_keep": 1}
PACKAGES = {"transformer-lens": "TransformerLens", "nnsight": "nnsight"}


@dataclass
class Plain:
    """Hugging Face with one hook."""

    module: nn.Module
    ours: mw.HookedModel
    eager: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.eager = copy.deepcopy(self.module)
        self.eager.set_attn_implementation("eager")

    def own(self, ids: torch.Tensor, **options: Any) -> torch.Tensor:
        """The model's own forward: logits."""
        with torch.no_grad():
            return self.module(ids, use_cache=False, **options).logits

    def head(self, ids: torch.Tensor, layer: int, head: int, **options: Any) -> torch.Tensor:
        """Logits with one head's z zeroed."""
        where = slice_of(self.ours, layer, head)

        def zero(_module: nn.Module, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            z = args[0].clone()
            z[..., where] = 0
            return (z,)

        handle = output_projection(self.ours, self.module, layer).register_forward_pre_hook(zero)
        try:
            return self.own(ids, **options)
        finally:
            handle.remove()

    def patched(
        self, ids: torch.Tensor, layer: int, position: int, stream: torch.Tensor
    ) -> torch.Tensor:
        """The last position's logits with the stream into a block patched at one position."""

        def put(_module: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            x = args[0].clone()
            x[:, position] = stream[:, position]
            return (x, *args[1:])

        block = self.module.get_submodule(self.ours.ledger.blocks[layer].place.module)
        handle = block.register_forward_pre_hook(put)
        try:
            return self.own(ids, **LAST)
        finally:
            handle.remove()

    def patterns(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """Every pattern `[1, head, query, key]`, with the logits computed beside them."""
        with torch.no_grad():
            return list(self.eager(ids, use_cache=False, output_attentions=True).attentions)

    def generate(self, ids: torch.Tensor, n: int) -> torch.Tensor:
        """The ids of prompt and continuation, greedy."""
        mask = torch.ones_like(ids)
        with torch.no_grad():
            return self.module.generate(
                ids, attention_mask=mask, do_sample=False, max_new_tokens=n, min_new_tokens=n
            )


class Lens:
    """TransformerLens: a `TransformerBridge`, raw weights."""

    def __init__(self, module: nn.Module) -> None:
        from transformer_lens.model_bridge.sources import build_bridge_from_module

        kind = type(module).__name__
        self.bridge = build_bridge_from_module(copy.deepcopy(module), kind, hf_config=module.config)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """The bridge's forward: logits."""
        with torch.no_grad():
            return self.bridge(ids)

    def head(self, ids: torch.Tensor, layer: int, head: int, **options: Any) -> torch.Tensor:
        """Logits with one head's z zeroed, as its documentation does it."""

        def zero(z: torch.Tensor, hook: Any) -> torch.Tensor:
            z[:, :, head] = 0
            return z

        hooks = [(f"blocks.{layer}.attn.hook_z", zero)]
        with torch.no_grad():
            return self.bridge.run_with_hooks(ids, fwd_hooks=hooks, **options)

    def cache(self, ids: torch.Tensor) -> Any:
        """Every activation of a clean run."""
        with torch.no_grad():
            return self.bridge.run_with_cache(ids)[1]

    def residual_map(
        self, ids: torch.Tensor, cache: Any, metric: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """`patching.get_act_patch_resid_pre`: `[layer, pos]`, one forward per cell."""
        from transformer_lens import patching

        patching.tqdm = list  # no bar for each map
        with torch.no_grad():
            return patching.get_act_patch_resid_pre(self.bridge, ids, cache, metric)

    def patterns(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """Every pattern, through `run_with_cache` with a filter of names."""
        with torch.no_grad():
            cache = self.bridge.run_with_cache(
                ids, names_filter=lambda name: name.endswith("hook_pattern")
            )[1]
        return [cache["pattern", layer] for layer in range(self.bridge.cfg.n_layers)]


class Sight:
    """nnsight: a trace per run."""

    def __init__(self, module: nn.Module, ours: mw.HookedModel) -> None:
        from nnsight import NNsight

        self.ours = ours
        self.model = NNsight(copy.deepcopy(module))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """A trace that keeps the logits."""
        with torch.no_grad(), self.model.trace(ids, use_cache=False):
            logits = self.model.output.logits.save()
        return logits  # noqa: RET504 - the block above is traced, not run

    def head(self, ids: torch.Tensor, layer: int, head: int, **options: Any) -> torch.Tensor:
        """Logits with one head's z zeroed."""
        where = slice_of(self.ours, layer, head)
        place = output_projection(self.ours, self.model, layer)
        with torch.no_grad(), self.model.trace(ids, use_cache=False, **options):
            place.input[:, :, where] = 0
            logits = self.model.output.logits.save()
        return logits  # noqa: RET504 - the block above is traced, not run

    def patched(
        self, ids: torch.Tensor, layer: int, position: int, stream: torch.Tensor
    ) -> torch.Tensor:
        """The last position's logits with the stream into a block patched at one position."""
        block = submodule(self.model, self.ours.ledger.blocks[layer].place.module)
        with torch.no_grad(), self.model.trace(ids, use_cache=False, logits_to_keep=1):
            block.input[:, position] = stream[:, position]
            logits = self.model.output.logits.save()
        return logits  # noqa: RET504 - the block above is traced, not run


def slice_of(ours: mw.HookedModel, layer: int, head: int) -> slice:
    """Where a head's z is in the input of its output projection."""
    width = ours.d_model // ours.n_heads(layer)
    return slice(head * width, (head + 1) * width)


def output_projection(ours: mw.HookedModel, model: Any, layer: int) -> Any:
    """The module that takes z, in a module or in an nnsight model."""
    write = ours.ledger.blocks[layer].write("attention")
    return submodule(model, write.projection.module)


def submodule(model: Any, path: str) -> Any:
    """A module by its dotted name, in a module or in an nnsight model."""
    for name in path.split("."):
        model = model[int(name)] if name.isdigit() else getattr(model, name)
    return model


def absent() -> list[str]:
    """The libraries that are not installed here."""
    return [
        name
        for package, name in PACKAGES.items()
        if importlib.util.find_spec(package.replace("-", "_")) is None
    ]
