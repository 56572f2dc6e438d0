"""A TransformerLens `TransformerBridge`: the module that it runs, and how it tokenises.

A bridge puts its components, hook points included, in the place of the modules of a Hugging Face
model and then calls that model; so it is that model which is surveyed and run, and what the bridge
computes, its folded weights and its user's hooks are all there. TransformerLens is never
imported here: only an object that comes from it can be one of its bridges.

In: whatever `wrap` was given. Out: the module inside and a tokenizer that does as the bridge does,
or an `UnsupportedModelError` for a bridge to a model that runs elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import UnsupportedModelError

if TYPE_CHECKING:
    from torch import nn

_HOME = "transformer_lens.model_bridge"
_NAMES = {"TransformerBridge", "RemoteBridge"}


def is_bridge(model: Any) -> bool:
    """Whether `model` is a TransformerLens bridge."""
    return any(
        kind.__name__ in _NAMES and f"{kind.__module__}.".startswith(f"{_HOME}.")
        for kind in type(model).__mro__
    )


def module_of(bridge: Any) -> nn.Module:
    """The module that a bridge calls, its components inside."""
    try:
        module: nn.Module = bridge.original_model
    except AttributeError as error:
        raise UnsupportedModelError(
            f"{type(bridge).__name__} runs its model somewhere else: {error}",
            "Expected a bridge that holds its model, as TransformerBridge.boot_transformers gives.",
        ) from error
    return module


class BridgeTokenizer:
    """A bridge's tokenizer, called as the bridge calls it.

    A prompt gets a BOS token in front where the bridge gives it one (`cfg.default_prepend_bos`),
    and loses the EOS that some tokenizers append, so that `run(text)` and `bridge(text)` see the
    same tokens. Pieces of text (`add_special_tokens=False`) are left as they are.
    """

    def __init__(self, bridge: Any) -> None:
        self._bridge = bridge

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> dict[str, list[int]]:
        """The token ids of `text`, under "input_ids"."""
        if not add_special_tokens:
            pieces = self._bridge.tokenizer(text, add_special_tokens=False)["input_ids"]
            return {"input_ids": list(pieces)}
        ids = self._bridge.to_tokens(text, move_to_device=False, truncate=False)
        return {"input_ids": ids[0].tolist()}

    def __getattr__(self, name: str) -> Any:
        if name == "_bridge":  # while it is being copied or unpickled
            raise AttributeError(name)
        return getattr(self._bridge.tokenizer, name)


def tokenizer_of(bridge: Any) -> BridgeTokenizer | None:
    """The tokenizer of a bridge; None when it has none."""
    return None if bridge.tokenizer is None else BridgeTokenizer(bridge)
