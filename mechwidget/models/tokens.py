"""A prompt as the model sees it: per position an id, a text, and whether it is special.

There is no padding and no attention mask: a prompt is one row without any, and prompts of several
lengths are several prompts (patches between them are aligned, means by position know how many of
them are long enough). A padding token among the ids is a token like any other: everything attends
to it, and positions count it. A model that is given the same prompt padded on the left, masked and
with positions counted from its first own token, has the same numbers at those tokens.

What is not made of ids (pixels, sound) is a `Signal`, with a text per position all the same. A
model with two stacks has two sequences: `Tokens` is the one whose logits are computed, and holds
what the other stack reads as `encoder`.

In: ids and texts from a source. Out: a frozen value that can be run, shown and used as a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from mechwidget.models.signal import Signal


@dataclass(frozen=True, slots=True)
class Tokens:
    r"""The tokens of one prompt.

    Attributes:
        ids: token ids; empty where the model reads a signal.
        texts: what each position stands for: a token's text, leading spaces kept, stray bytes as
            `\\\\xNN`; "patch 3,4" of an image, "frame 12" of a sound.
        special: True for tokens such as `<|endoftext|>` that stand for no text.
        signal: the pixels or the sound, where there are no ids.
        encoder: what the other stack reads: the encoder of an encoder-decoder, or the images
            that a model compares with text.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    special: tuple[bool, ...]
    signal: Signal | None = None
    encoder: Tokens | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def longest(self) -> int:
        """The number of positions of the longest sequence in it."""
        return max(len(self), 0 if self.encoder is None else len(self.encoder))

    def tensor(self, device: torch.device | str | None = None) -> torch.Tensor:
        """The ids as `[1, pos]`, or the signal as `[1, …]`."""
        if self.signal is not None:
            return self.signal.tensor[None].to(device)
        return torch.tensor([self.ids], dtype=torch.long, device=device)
