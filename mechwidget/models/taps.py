"""Tap the inside of attention (q, k, v, scores, pattern) and of experts where a run touches it.

Only when one of these sites is touched is the twin's attention switched to ours, and its experts
when theirs are: all other runs use what the user chose. Which it was is told in `Run.attention`,
since results of two implementations differ by rounding (much, in bfloat16) and must not be
compared.

In: a twin, bindings and the run's traffic. Out: whether the twin was switched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.models.attention import TAP, switch_attention
from mechwidget.models.bindings import EXPERTS
from mechwidget.models.experts import switch_experts
from mechwidget.models.hooks import submodule
from mechwidget.models.ledger import Ledger, Place
from mechwidget.models.sites import CROSS, Site
from mechwidget.models.softmax_tap import tap_softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

    from mechwidget.models.bindings import Binding
    from mechwidget.models.traffic import Traffic

_LAST = "pattern"  # the site that every attention call passes last


class AttentionTap:
    """Shows one attention module's tensors to the run, call by call."""

    def __init__(self, traffic: Traffic) -> None:
        self.layers: dict[int, int] = {}  # how-manieth call of the module -> layer
        self.prefix = ""  # of the names of its sites
        self._traffic, self._calls, self._passes = traffic, 0, traffic.passes

    def __call__(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """What flows on from this site of the layer that is running."""
        if self._passes != self._traffic.passes:
            self._passes, self._calls = self._traffic.passes, 0
        layer = self.layers.get(self._calls)
        if name == _LAST:
            self._calls += 1
        return (
            tensor if layer is None else self._shown(name, Site(self.prefix + name, layer), tensor)
        )

    def fits(self, queries: int, keys: int) -> bool:
        """Whether scores of so many queries and keys are this attention's.

        To its own stack it has as many keys as queries, or with a cache up to as many as there
        are positions so far.
        """
        if self.prefix:
            return True
        most = self._traffic.keys
        return queries <= keys <= most if most else queries == keys

    def _shown(self, name: str, site: Site, tensor: torch.Tensor) -> torch.Tensor:
        if name in (
            "q",
            "k",
            "v",
        ):  # [batch, head, pos, d] here, [batch, pos, head, d] outside
            return self._traffic.pass_on(site, tensor.transpose(1, 2)).transpose(1, 2)
        if tensor.dim() == 4:
            return self._traffic.pass_on(site, tensor)
        split = tensor.reshape(
            self._traffic.shape[0], -1, *tensor.shape[1:]
        )  # [batch · head, query, key]
        return self._traffic.pass_on(site, split).flatten(0, 1)


class ExpertsTap:
    """Shows the experts of one module to the run, call by call."""

    def __init__(self, traffic: Traffic) -> None:
        self.layers: dict[int, int] = {}  # how-manieth call of the module -> layer
        self._traffic, self._calls, self._passes = traffic, 0, traffic.passes

    def __call__(
        self, name: str, tensor: torch.Tensor, exists: torch.Tensor | None
    ) -> torch.Tensor:
        """What flows on from this site of the layer that is running."""
        if self._passes != self._traffic.passes:
            self._passes, self._calls = self._traffic.passes, 0
        layer = self.layers.get(self._calls)
        if name == EXPERTS[-1]:
            self._calls += 1
        if layer is None:
            return tensor
        rows, mask = self._traffic.shape[0], None
        if exists is not None:
            mask = exists.reshape(rows, -1, *exists.shape[1:])
        shown = tensor.reshape(rows, -1, *tensor.shape[1:])
        return self._traffic.pass_on(Site(name, layer), shown, mask).reshape(tensor.shape)


def tap_attention(
    twin: nn.Module, bindings: Mapping[Site, Binding], ledger: Ledger, traffic: Traffic
) -> bool:
    """Tap what the run touches; True when the attention is ours for this run."""
    wanted = [b for site, b in bindings.items() if site in traffic.sites and b.end == "tap"]
    if not wanted:
        return False
    switch_attention(twin)
    if any(binding.site.name in EXPERTS for binding in wanted):
        switch_experts(twin)
    taps: dict[str, AttentionTap | ExpertsTap] = {}
    for binding in wanted:
        place, layer = binding.place or Place(""), binding.site.layer or 0
        new = place.module not in taps
        kind = ExpertsTap if binding.site.name in EXPERTS else AttentionTap
        tap = taps.setdefault(place.module, kind(traffic))
        tap.layers[place.nth] = layer
        if not new:
            continue
        block, module = ledger.blocks[layer], submodule(twin, place.module)
        if isinstance(tap, ExpertsTap):
            module.__dict__[TAP] = tap
            continue
        cross = binding.site.name.startswith(CROSS)
        tap.prefix = CROSS if cross else ""
        attention = block.cross if cross else block.attention
        if attention is not None and attention.route == "softmax":
            tap_softmax(module, tap, tap.fits)
        else:
            module.__dict__[TAP] = tap
    return True
