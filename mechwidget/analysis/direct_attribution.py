"""Direct logit attribution: how much each component's write says for one token against another.

The stream before the unembedding is a sum of what was written to it. With the final norm held at
the scale that it had in the run, the logit difference is a sum of one term per write (Elhage et
al. 2021, "A Mathematical Framework for Transformer Circuits"; Wang et al. 2022), and each
attention's term is a sum over heads and its bias. Norms, unembedding and output projections are
called, not read; where what the ledger says does not add up in numbers, nothing is attributed.

In: a prompt, interventions and a logit difference. Out: `DirectAttribution`, in logits, whose
terms add up to the difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.ending import require_sums
from mechwidget.analysis.last_steps import LastSteps, last_stream
from mechwidget.analysis.metrics import Logit, LogitDiff
from mechwidget.errors import MechwidgetError, SiteError
from mechwidget.models import Site
from mechwidget.models.sites import parse_site

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import torch

    from mechwidget.analysis.metrics import BoundMetric, Metric
    from mechwidget.analysis.token_and_position import TokenAndPosition
    from mechwidget.models import HookedModel, Intervention, Run, SiteLike
    from mechwidget.models.prompts import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class DirectAttribution:
    """What each term adds to a logit difference, in logits.

    nan where there is no such part, and in layers of a stack that does not answer.

    Attributes:
        heads: float64 `[layer, head]`; nan also where a layer's heads cannot be told apart.
        attention: float64 `[layer]`: the whole write of the attention, biases included.
        mlp: float64 `[layer]`.
        rest: float64 `[layer]`: whatever else the block did to the stream (biases that no module
            makes, mixers that are neither attention nor MLP, attention to another stack, edits of
            the stream itself).
        embed: what the stream held before the first block.
        constant: what the biases of the final norm and of the unembedding add.
        total: the sum of embed, attention, mlp, rest and constant: the difference before any cap.
        metric: the difference of the run's own logits; of an earlier stream, what it says.
        note: why `total` is not `metric`, where the model caps its logits; else empty.
        norm_bias, unembed_bias: the two parts of `constant`.
        token, position: what the token's embedding adds, and what is added to it before the first
            block (positions); nan where `embedding` was not given. `embed` less both is what edits
            of the first stream do.
    """

    heads: npt.NDArray[np.float64]
    attention: npt.NDArray[np.float64]
    mlp: npt.NDArray[np.float64]
    rest: npt.NDArray[np.float64]
    embed: float
    constant: float
    total: float
    metric: float
    note: str
    norm_bias: float = 0.0
    unembed_bias: float = 0.0
    token: float = math.nan
    position: float = math.nan

    @property
    def attention_bias(self) -> npt.NDArray[np.float64]:
        """float64 `[layer]`: what the attention's output bias adds; nan without its heads."""
        known = ~np.isnan(self.heads).all(1)
        return np.where(known, self.attention - np.nansum(self.heads, 1), np.nan)

    @property
    def layers(self) -> npt.NDArray[np.float64]:
        """float64 `[layer]`: all that a layer adds, attention, MLP and the rest."""
        parts = np.array([self.attention, self.mlp, self.rest])
        return np.where(np.isnan(parts).all(0), np.nan, np.nansum(parts, 0))


def direct_attribution(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric,
    interventions: Sequence[Intervention] = (),
    *,
    at: SiteLike | None = None,
    embedding: TokenAndPosition | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> DirectAttribution:
    """Attribute a `LogitDiff` or a `Logit` to what was written to the stream at its position.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        metric: a `LogitDiff` or a `Logit`; its position is where the stream is looked at. What
            moves all logits alike has a term in a logit, and none in a difference.
        interventions: what the run is edited by.
        at: the stream to attribute, such as `("resid_mid", 3)`; None is the last one. The
            difference is then what the logit lens reads there, before any cap, and only what was
            written up to there has a term.
        embedding: `token_and_position` there, to tell token and position apart.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        MechwidgetError: the metric is neither a logit difference nor a logit.
        SiteError: `at` is no stream of the stack that answers.
        UnsupportedModelError: the stream of this model is not a sum of writes (norms after each
            sum), its end is not a norm and an unembedding, or it has no answer at each position;
            the message says which.
        CancelledError: `cancelled()` became true.
    """
    tokens = model.tokenize(prompt)
    bound = require_logits(metric).bind(model, len(tokens))
    require_sums(model)
    layers = answering_layers(model)
    last = Site("resid_post", layers[-1])
    stream = last if at is None else parse_site(at)
    if stream.name not in _STREAM or stream.layer not in layers or stream not in model.sites:
        raise SiteError(f"{stream} is no residual stream of {model.name} that meets an answer.")
    read = [site for site in model.sites if site.name in _READ and site.layer in layers]
    run = model.run(tokens, interventions, read, [bound.position], cancelled=cancelled)
    with model.lock:
        return _Attributing(model, run, bound, stream, embedding).all()


def require_logits(metric: Metric) -> LogitDiff | Logit:
    """The metric, if it is linear in the logits.

    Raises:
        MechwidgetError: it is not, so that no sum of direct effects makes it.
    """
    if isinstance(metric, LogitDiff | Logit):
        return metric
    raise MechwidgetError(
        f"Only a logit difference is a sum of direct effects, or a logit; {metric} is not.",
        "Measure one token against another: mw.LogitDiff(answer, alternative).",
    )


_STREAM = ("resid_pre", "resid_mid", "resid_post")
_READ = (*_STREAM, "z", "attn_out", "mlp_out")


class _Attributing:
    """The terms of one run."""

    def __init__(
        self,
        model: HookedModel,
        run: Run,
        bound: BoundMetric,
        at: Site,
        parts: TokenAndPosition | None,
    ) -> None:
        self._model, self._parts = model, parts
        self._steps = LastSteps(model, run, bound.position, at)
        self._held: Mapping[Site, torch.Tensor] = {
            site: tensor for site, tensor in self._steps.held.items() if _is_written_by(site, at)
        }
        answering = answering_layers(model)
        self._layers = [layer for layer in answering if Site("resid_pre", layer) in self._held]
        self._toward = self._steps.toward(bound.tokens)
        whole = at == last_stream(model)
        self._metric = bound(run.logits[0, 0]) if whole else self._toward.said

    def all(self) -> DirectAttribution:
        heads = np.full((self._model.n_layers, self._model.most_heads), np.nan)
        for layer in self._layers:
            found = self._heads(layer)
            if found is not None:
                heads[layer, : len(found)] = found.cpu().double().numpy()
        attention, mlp = (self._writes(name) for name in ("attn_out", "mlp_out"))
        toward, parts = self._toward, self._parts
        embed = toward.says(self._held[Site("resid_pre", self._layers[0])])
        rest = self._rest(attention, mlp)
        constant = toward.norm_bias + toward.unembed_bias
        return DirectAttribution(
            heads=heads,
            attention=attention,
            mlp=mlp,
            rest=rest,
            embed=embed,
            constant=constant,
            total=embed + constant + float(np.nansum([attention, mlp, rest])),
            metric=self._metric,
            note=self._steps.note,
            norm_bias=toward.norm_bias,
            unembed_bias=toward.unembed_bias,
            token=np.nan if parts is None else toward.says(parts.token.to(toward.direction)),
            position=np.nan if parts is None else toward.says(parts.position.to(toward.direction)),
        )

    def _writes(self, name: str) -> npt.NDArray[np.float64]:
        sites = (Site(name, layer) for layer in range(self._model.n_layers))
        held = self._held
        return np.array([self._toward.says(held[s]) if s in held else np.nan for s in sites])

    def _rest(
        self, attention: npt.NDArray[np.float64], mlp: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """What each block did to the stream beyond its named writes, and edits between blocks."""
        says = self._toward.says
        entered = [says(self._held[Site("resid_pre", layer)]) for layer in self._layers]
        left = [*entered[1:], says(self._steps.stream)]
        rest: npt.NDArray[np.float64] = np.full(self._model.n_layers, np.nan)
        rest[self._layers] = np.array(left) - np.array(entered)
        return rest - np.nan_to_num(attention) - np.nan_to_num(mlp)

    def _heads(self, layer: int) -> torch.Tensor | None:
        """Terms `[head]` of one layer; None where z, projected, is not what is written."""
        z, written = (self._held.get(Site(name, layer)) for name in ("z", "attn_out"))
        if z is None or written is None:
            return None
        write = self._model.ledger.blocks[layer].write("attention")
        found = self._steps.terms(write, z, written, self._toward.direction)
        return None if found is None else found.reshape(self._model.n_heads(layer), -1).sum(-1)


def _is_written_by(site: Site, at: Site) -> bool:
    """Whether what a site holds is in the stream at `at`, which is not before it."""
    if site.layer != at.layer:
        return (site.layer or 0) < (at.layer or 0)
    inside = {"resid_pre": 0, "z": 1, "attn_out": 1, "resid_mid": 1}
    return inside.get(site.name, 2) <= inside.get(at.name, 2)
