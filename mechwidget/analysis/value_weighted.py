"""Value-weighted attention: how much moves along each edge, not only how much is looked at.

A head adds Σ_key pattern[query, key] · v[key] W_O to the stream. The length of each of these
vectors is what the edge moves: ‖pattern[query, key] · v[key] W_O‖, the norm-weighted attention of
Kobayashi et al. 2020, "Attention is Not Only a Weight: Analyzing Transformers with Vector Norms".
A key that is looked at much and has a short vector (often the first token) moves little. The bias
of the values is part of v; the bias of W_O belongs to no edge. Heads that share a k/v head share
v, each with its own part of W_O. A norm after the attention is left out, which a note says.

Weights are probed by calling modules. Where the pattern and the values alone do not make z, as
where a gate stands between them, or where W_O is not one linear map, there is no such vector, and
the layer is refused with the reason.

In: a hooked model, a prompt, a layer, interventions. Out: `ValueNorms`, or `ValueWeighted`. What
an intervention does to z itself, such as an ablation of the head, comes after and is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.put import Put
from mechwidget.errors import UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.edit import Edit
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel
    from mechwidget.models.ledger import Place, Write
    from mechwidget.models.prompts import Prompt

_ROUNDING = {torch.float16: 3e-2, torch.bfloat16: 3e-2}
_HINT = "The raw pattern of this layer can still be looked at."


@dataclass(frozen=True, slots=True, eq=False)
class ValueNorms:
    """How long what a head can move from each token is.

    Attributes:
        norms: float32 `[head, key]`, ‖v[key] W_O‖ in units of the residual stream.
        note: what they leave out; empty where that is nothing.
    """

    norms: torch.Tensor
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ValueWeighted:
    """How long what each edge moves is.

    Attributes:
        values: float32 `[head, query, key]`, ‖pattern · v W_O‖ in units of the residual stream.
        note: what they leave out; empty where that is nothing.
    """

    values: torch.Tensor
    note: str = ""


def value_weighted(
    model: HookedModel,
    prompt: Prompt,
    layer: int,
    interventions: Sequence[Intervention] = (),
    *,
    cross: bool = False,
    cancelled: Callable[[], bool] | None = None,
) -> ValueWeighted:
    """The value-weighted pattern of every head of a layer, under some interventions.

    Args:
        model: whose.
        prompt: text, token ids or `Tokens`.
        layer: which; negative ones are refused.
        interventions: what is done to the model meanwhile.
        cross: the heads that attend to another stack.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        UnsupportedModelError: the layer has no plain path from values to the stream.
    """
    moved = value_norms(model, prompt, layer, interventions, cross=cross, cancelled=cancelled)
    site = _site("pattern", layer, cross=cross)
    run = model.run(prompt, interventions, read=[site], positions=[0], cancelled=cancelled)
    pattern = run.read[site][0].float()
    return ValueWeighted(weighted(pattern, moved), moved.note)


def weighted(pattern: torch.Tensor, moved: ValueNorms) -> torch.Tensor:
    """A pattern `[head, query, key]` times how long what it moves is."""
    return pattern.abs() * moved.norms[:, None].to(pattern.device)


def value_norms(
    model: HookedModel,
    prompt: Prompt,
    layer: int,
    interventions: Sequence[Intervention] = (),
    *,
    cross: bool = False,
    cancelled: Callable[[], bool] | None = None,
) -> ValueNorms:
    """How long v W_O of every head and token of a layer is; for the arguments see above.

    Raises:
        UnsupportedModelError: the layer has no plain path from values to the stream.
    """
    write, place = _plain_write(model, layer, cross=cross)
    values = _Values(model, prompt, layer, cross, cancelled)
    values.check()
    v = values.under(interventions)  # [head, key, d_head]
    out = _output_map(model, write, place, len(v))  # [head, d_head, d]
    norms = torch.stack([(each @ o).norm(dim=-1) for each, o in zip(v, out, strict=True)])
    note = "before the norm that follows the attention" if write.post_norm else ""
    return ValueNorms(norms.float().cpu(), note)


class _Values:
    """What the heads of a layer would hand on of each token: v, one per head."""

    def __init__(
        self,
        model: HookedModel,
        prompt: Prompt,
        layer: int,
        cross: bool,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._model, self._layer, self._cross = model, layer, cross
        self._tokens = model.tokenize(prompt)
        self._cancelled = cancelled
        self._site = _site("v", layer, cross=cross)
        self._tapped = self._site in model.sites
        if cross and not self._tapped:
            raise _refused(model, layer, "the values of another stack cannot be read here")

    def check(self) -> None:
        """Raise unless the pattern times the values is the model's own z."""
        pattern, z = (_site(name, self._layer, cross=self._cross) for name in ("pattern", "z"))
        run = self._run((), [pattern, z])
        made = run[pattern][0].float() @ self.under(()).to(run[pattern].device)
        seen = run[z][0].float().transpose(0, 1)
        room = _ROUNDING.get(self._model.dtype, 1e-4) * (1e-6 + float(seen.abs().max()))
        if made.shape != seen.shape or float((made - seen).abs().max()) > room:
            raise _refused(
                self._model, self._layer, "what reaches W_O is more than the pattern times values"
            )

    def under(self, interventions: Sequence[Intervention]) -> torch.Tensor:
        """`[head, key, d_head]` under some interventions."""
        heads = self._model.n_heads(self._layer, cross=self._cross)
        if not self._tapped:
            return self._seen(interventions)
        v = self._run(interventions, [self._site])[self._site][0].float().transpose(0, 1)
        return v.repeat_interleave(heads // len(v), dim=0)

    def _seen(self, interventions: Sequence[Intervention]) -> torch.Tensor:
        """The same where v has no site: it is z when each token attends to itself."""
        n = self._model.n_positions(self._tokens, self._layer)
        first = _First(Site("z", self._layer))
        own = Put({Site("pattern", self._layer): torch.eye(n)})
        self._run([first, *interventions, own], [])
        return first.seen[-1][0].float().transpose(0, 1)

    def _run(self, interventions: Sequence[object], read: list[Site]) -> dict[Site, torch.Tensor]:
        run = self._model.run(
            self._tokens,
            interventions,  # type: ignore[arg-type]  # the protocol: they have `edits`
            read=read,
            positions=[0],
            cancelled=self._cancelled,
        )
        return {site: run.read[site] for site in read}


@dataclass(frozen=True, slots=True, eq=False)
class _First:
    """Sees what flows at a site before any edit of it, and leaves it as it is."""

    site: Site
    seen: list[torch.Tensor] = field(default_factory=list)

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:  # noqa: ARG002 - the protocol
        """One edit that changes nothing."""
        return [Edit(self.site, self._look)]

    def _look(self, carried: torch.Tensor) -> torch.Tensor:
        self.seen.append(carried.detach().clone())
        return carried


def _plain_write(model: HookedModel, layer: int, *, cross: bool) -> tuple[Write, Place]:
    """What the attention of a layer writes, where that is one linear map of the heads' z."""
    if not model.n_heads(layer, cross=cross):
        raise _refused(model, layer, model.why_no_heads(layer, cross=cross).rstrip("."))
    if _site("pattern", layer, cross=cross) not in model.sites:
        raise _refused(model, layer, "its pattern cannot be read")
    write = model.ledger.blocks[layer].write("cross" if cross else "attention")
    if write is None or write.projection is None:
        raise _refused(model, layer, "no single output projection W_O was found")
    if model.ledger.coupled:
        raise _refused(model, layer, "its linear maps round together what stands in one call")
    return write, write.projection


def _output_map(model: HookedModel, write: Write, place: Place, heads: int) -> torch.Tensor:
    """`[head, d_head, d]`: from a head's z to what it adds to the stream."""
    projection = submodule(make_twin(model.model), place.module)
    with torch.no_grad():
        unit = torch.eye(write.width, device=model.device, dtype=model.dtype)
        nothing = projection(torch.zeros_like(unit[None, :1]))[0]
        rows: torch.Tensor = (projection(unit[None])[0] - nothing).float() * write.factor
        some = torch.randn(write.width, generator=torch.Generator().manual_seed(0))
        some = some.to(rows.device, model.dtype)
        seen = (projection(some[None, None])[0, 0] - nothing[0]).float() * write.factor
    made = some.float() @ rows
    if float((made - seen).abs().max()) > _ROUNDING.get(model.dtype, 1e-3) * float(seen.norm()):
        raise _refused(model, None, f"{place.module!r} is not a linear map")
    return rows.reshape(heads, -1, rows.shape[-1])


def _site(name: str, layer: int, *, cross: bool) -> Site:
    return Site(f"cross_{name}" if cross else name, layer)


def _refused(model: HookedModel, layer: int | None, why: str) -> UnsupportedModelError:
    where = model.name if layer is None else f"Layer {layer} of {model.name}"
    return UnsupportedModelError(
        f"{where} has no plain path from values to the stream, so nothing can be said of what "
        f"its edges move: {why}.",
        _HINT,
    )
