"""The one place where a run calls the model: a fresh twin, hooked for what the run touches.

In: the user's module, its ledger and where its sites are; the traffic of a run. Out: logits, and
whether the attention was ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.errors import CancelledError
from mechwidget.models.calling import call_model
from mechwidget.models.hooks import hook_cancel, hook_positions, hook_sites
from mechwidget.models.norms import hook_norms
from mechwidget.models.sites import Site
from mechwidget.models.taps import tap_attention
from mechwidget.models.twin import make_twin, without_gradients

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch import nn

    from mechwidget.models.bindings import Binding
    from mechwidget.models.calling import Callee
    from mechwidget.models.ledger import Ledger
    from mechwidget.models.planner import Forward
    from mechwidget.models.replay import Splice
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.traffic import Traffic


@dataclass(frozen=True, slots=True)
class ForwardPass:
    """What every forward pass of one model has in common.

    Attributes:
        module: the user's.
        source: how it is called.
        ledger: its blocks.
        bindings: where its sites are.
    """

    module: nn.Module
    source: Callee
    ledger: Ledger
    bindings: Mapping[Site, Binding]

    def of(
        self, tokens: Tokens, cancelled: Callable[[], bool] | None, *, gradients: bool = False
    ) -> Forward:
        """The forward pass of one prompt, asked by `cancelled` before every block."""

        def forward(
            traffic: Traffic, keep: Sequence[int] | None, splice: Splice | None
        ) -> tuple[torch.Tensor, bool]:
            return self._run(tokens, traffic, keep, cancelled, splice, gradients=gradients)

        return forward

    def _run(
        self,
        tokens: Tokens,
        traffic: Traffic,
        keep: Sequence[int] | None,
        cancelled: Callable[[], bool] | None,
        splice: Splice | None,
        *,
        gradients: bool = False,
    ) -> tuple[torch.Tensor, bool]:
        if cancelled is not None and cancelled():
            raise CancelledError("The run was cancelled.")
        twin = make_twin(self.module)
        if gradients:
            without_gradients(twin)
        if splice is not None:
            splice.onto(twin, self.ledger)
        explicit = tap_attention(twin, self.bindings, self.ledger, traffic)
        hook_norms(twin, self.bindings, traffic)
        hook_sites(twin, self.bindings, self.ledger, traffic)
        if cancelled is not None:
            hook_cancel(twin, self.ledger, cancelled)
        past = traffic.past
        if keep is not None and past is not None:
            keep = [position - past.length for position in keep]
        unembed = None if self.ledger.coupled else self.ledger.unembed
        if keep is not None and unembed is not None:
            hook_positions(twin, unembed, keep)
        source = self.source if past is None else past
        logits = call_model(source, twin, tokens, traffic.rows_given, gradients=gradients)
        if keep is not None and (unembed is None or logits.shape[1] != len(keep)):
            logits = logits[:, list(keep)]
        return traffic.pass_on(Site("logits"), logits), explicit
