"""A prompt as the model sees it: ids, one text per token, and which are special.

In: ids and texts from the vocabulary. Out: a frozen value that can be run and shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Tokens:
    r"""The tokens of one prompt.

    Attributes:
        ids: token ids.
        texts: what each token stands for, leading spaces kept, stray bytes as `\\\\xNN`.
        special: True for tokens such as `<|endoftext|>` that stand for no text.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    special: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def tensor(self, device: torch.device | str | None = None) -> torch.Tensor:
        """The ids as `[1, pos]`."""
        return torch.tensor([self.ids], dtype=torch.long, device=device)
