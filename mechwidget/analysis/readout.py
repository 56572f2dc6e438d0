"""The readout: from any residual stream to logits, by the model's own last steps.

Whatever comes after the last block (final norm, projection, unembedding, logit scale, softcap) is
not imitated: the model's own forward is called with the output of its last block replaced, all
blocks before it being answered from memory. That these steps treat each position by itself is
checked on the run's own numbers, at another position than theirs; a model that does not is refused.

In: streams `[row, d_model]`, as they leave a block. Out: logits `[row, vocab]`, in blocks that
stay below a limit of bytes whatever the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.put import Put
from mechwidget.errors import UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.rounding import equal_but_for_rounding

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.models import HookedModel
    from mechwidget.models.tokens import Tokens

BLOCK_BYTES = 2**26  # of float32 logits at once


@dataclass(frozen=True, slots=True)
class Readout:
    """The last steps of a model, called on streams of ours.

    Attributes:
        model: whose steps.
        tokens: the prompt whose baseline answers for the blocks.
        block_bytes: how many bytes of logits are made at once.
        cancelled: asked before each call.
    """

    model: HookedModel
    tokens: Tokens
    block_bytes: int = BLOCK_BYTES
    cancelled: Callable[[], bool] | None = None

    @property
    def at_once(self) -> int:
        """How many positions of one row are unembedded at once."""
        return max(1, min(len(self.tokens), self.block_bytes // (4 * self.model.vocab_size)))

    def logits(self, streams: torch.Tensor) -> torch.Tensor:
        """Logits `[row, pos, vocab]` (float32) of `streams[row, pos, d_model]`.

        At most `at_once` positions; the caller keeps `row · pos` within its own means, or asks
        for one row after another.
        """
        n, positions = len(self.tokens), range(streams.shape[1])
        filler = streams[:, -1:].expand(-1, n - len(positions), -1)
        rows = [Put({self.last: row[None]}) for row in torch.cat([streams, filler], 1)]
        if len(rows) == 1:
            run = self.model.run(self.tokens, rows, positions=positions, cancelled=self.cancelled)
            return _float(run.logits)
        runs = self.model.run_rows(
            self.tokens, [[row] for row in rows], positions=positions, cancelled=self.cancelled
        )
        return _float(torch.cat([run.logits for run in runs]))

    def rows_at_once(self, positions: int) -> int:
        """How many rows of so many positions may be asked for together."""
        return max(1, self.block_bytes // (4 * self.model.vocab_size * positions))

    def prove(self, stream: torch.Tensor, logits: torch.Tensor) -> None:
        """Check on a run's own numbers that what follows the last block looks at one position.

        Args:
            stream: `[d_model]`, what left the last block at the last position.
            logits: `[vocab]`, what the run made of it there, the first position beside it.

        Raises:
            UnsupportedModelError: the same stream gives other logits at the first position.
        """
        found = self.logits(stream[None, None])[0, 0].to(logits.dtype)
        if not equal_but_for_rounding(found, logits):
            apart = (found - logits).abs().max()
            raise UnsupportedModelError(
                f"{self.model.name} cannot be read layer by layer: the stream that leaves its last "
                f"block gives logits that differ by {float(apart):.2g} from its own when it stands "
                "at another position, so that more than the stream goes into them.",
                "Read its logits as they are; a lens would show something else.",
            )

    @property
    def last(self) -> Site:
        """Where the stream is before the last steps."""
        return Site("resid_post", answering_layers(self.model)[-1])


def _float(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to(torch.float32)
