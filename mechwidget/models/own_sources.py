"""This library's own sources: the embedded model, and what is in folders or on the hub.

`mw.load("gpt2")` means the second without saying so. In: what stands after the colon. Out: a
`HookedModel`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import ModelLoadError
from mechwidget.models.loading import load_checkpoint, load_embedded
from mechwidget.models.wrapping import wrap

if TYPE_CHECKING:
    import torch

    from mechwidget.models.hooked_model import HookedModel


class _Own:
    """What both share: `mw.wrap` knows what they take without asking."""

    def takes(self, thing: object) -> bool:  # noqa: ARG002
        """Nothing that `mw.wrap` does not take by itself."""
        return False

    def wrap(self, thing: Any, tokenizer: Any = None, *, name: str | None = None) -> HookedModel:
        """What `mw.wrap` does."""
        return wrap(thing, tokenizer, name=name)


class _Microcosm(_Own):
    def load(
        self,
        reference: str,
        *,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> HookedModel:
        """The embedded model; there is one."""
        if reference:
            raise ModelLoadError(f"There is one microcosm, and none called {reference!r:.80}.")
        return load_embedded(device, dtype)


class _HuggingFace(_Own):
    def load(
        self,
        reference: str,
        *,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> HookedModel:
        """A folder, or a name on the hub."""
        return load_checkpoint(reference, device, dtype, trust=False)


MICROCOSM = _Microcosm()
HUGGING_FACE = _HuggingFace()
