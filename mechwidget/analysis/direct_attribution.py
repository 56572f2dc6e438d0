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

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.analysis.answering import answering_layers, require_answers
from mechwidget.analysis.ending import (
    HINT,
    after_unembedding,
    called,
    norm_at,
    rounding,
    unembedding,
)
from mechwidget.analysis.metrics import LogitDiff
from mechwidget.errors import MechwidgetError, SiteError, UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.hooks import submodule
from mechwidget.models.sites import parse_site
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from torch import nn

    from mechwidget.analysis.frozen_norm import FrozenNorm
    from mechwidget.analysis.metrics import BoundMetric, Metric
    from mechwidget.models import HookedModel, Intervention, Run, SiteLike
    from mechwidget.models.ledger import Write
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


def direct_attribution(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric,
    interventions: Sequence[Intervention] = (),
    *,
    at: SiteLike | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> DirectAttribution:
    """Attribute a `LogitDiff` to what was written to the stream at its position.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        metric: a `LogitDiff`; its position is where the stream is looked at.
        interventions: what the run is edited by.
        at: the stream to attribute, such as `("resid_mid", 3)`; None is the last one. The
            difference is then what the logit lens reads there, before any cap, and only what was
            written up to there has a term.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        MechwidgetError: the metric is not a logit difference.
        SiteError: `at` is no stream of the stack that answers.
        UnsupportedModelError: the stream of this model is not a sum of writes (norms after each
            sum), its end is not a norm and an unembedding, or it has no answer at each position;
            the message says which.
        CancelledError: `cancelled()` became true.
    """
    tokens = model.tokenize(prompt)
    if not isinstance(metric, LogitDiff):
        raise MechwidgetError(
            f"Only a logit difference is a sum of direct effects; {metric} is not.",
            "Measure mw.LogitDiff(answer, alternative).",
        )
    bound = metric.bind(model, len(tokens))
    _require_sums(model)
    layers = answering_layers(model)
    last = Site("resid_post", layers[-1])
    stream = last if at is None else parse_site(at)
    if stream.name not in _STREAM or stream.layer not in layers or stream not in model.sites:
        raise SiteError(f"{stream} is no residual stream of {model.name} that meets an answer.")
    read = [site for site in model.sites if site.name in _READ and site.layer in layers]
    run = model.run(tokens, interventions, read, [bound.position], cancelled=cancelled)
    with model.lock:
        return _Attributing(model, run, bound, stream).all()


_STREAM = ("resid_pre", "resid_mid", "resid_post")
_READ = (*_STREAM, "z", "attn_out", "mlp_out")


class _Attributing:
    """The terms of one run."""

    def __init__(self, model: HookedModel, run: Run, bound: BoundMetric, at: Site) -> None:
        self._model = model
        self._twin = make_twin(model.model)
        self._dtype = run.logits.dtype
        held = {site: run.read[site][0, bound.position] for site in run.read}
        answering = answering_layers(model)
        final = held[Site("resid_post", answering[-1])]
        self._stream = held[at]
        self._held: Mapping[Site, torch.Tensor] = {
            site: tensor for site, tensor in held.items() if _is_written_by(site, at)
        }
        self._layers = [layer for layer in answering if Site("resid_pre", layer) in self._held]
        a, b = bound.tokens
        self._tokens = (a, b)
        raw, _ = self._unembedded(final, norm_at(self._twin, model.ledger.final_norm, final))
        factor, self._note = after_unembedding(model, raw, run.logits[0, 0])
        norm = norm_at(self._twin, model.ledger.final_norm, self._stream)
        here, pull = self._unembedded(self._stream, norm)
        self._direction = norm.back(pull.float()) * factor
        self._constant = self._of_bias(norm.bias) * factor
        whole = self._stream is final
        self._metric = bound(run.logits[0, 0]) if whole else float(here[a] - here[b]) * factor

    def all(self) -> DirectAttribution:
        heads = np.full((self._model.n_layers, self._model.most_heads), np.nan)
        for layer in self._layers:
            found = self._heads(layer)
            if found is not None:
                heads[layer, : len(found)] = found.cpu().double().numpy()
        attention, mlp = (self._writes(name) for name in ("attn_out", "mlp_out"))
        embed = self._says(self._held[Site("resid_pre", self._layers[0])])
        rest = self._rest(attention, mlp)
        total = embed + self._constant + float(np.nansum([attention, mlp, rest]))
        return DirectAttribution(
            heads, attention, mlp, rest, embed, self._constant, total, self._metric, self._note
        )

    def _says(self, vector: torch.Tensor) -> float:
        """What a part of the stream adds to the difference."""
        return float(vector.double().cpu() @ self._direction.double().cpu())

    def _writes(self, name: str) -> npt.NDArray[np.float64]:
        sites = (Site(name, layer) for layer in range(self._model.n_layers))
        said = [self._says(self._held[s]) if s in self._held else np.nan for s in sites]
        return np.array(said)

    def _rest(
        self, attention: npt.NDArray[np.float64], mlp: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """What each block did to the stream beyond its named writes, and edits between blocks."""
        entered = [self._says(self._held[Site("resid_pre", layer)]) for layer in self._layers]
        left = [*entered[1:], self._says(self._stream)]
        rest: npt.NDArray[np.float64] = np.full(self._model.n_layers, np.nan)
        rest[self._layers] = np.array(left) - np.array(entered)
        return rest - np.nan_to_num(attention) - np.nan_to_num(mlp)

    def _unembedded(self, x: torch.Tensor, norm: FrozenNorm) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits `[vocab]` of a stream, and the direction after the norm that says a - b."""
        module, (a, b) = unembedding(self._model, self._twin), self._tokens
        normed = norm.forward(x.float()) + norm.bias
        a_not_b = torch.zeros(self._model.vocab_size, device=x.device)
        a_not_b[a], a_not_b[b] = 1, -1
        try:
            return _pulled_back(module, normed.to(x.dtype), a_not_b)
        except RuntimeError as error:
            raise UnsupportedModelError(
                f"What {self._model.name} unembeds is not what its final norm gives: {error}", HINT
            ) from error

    def _of_bias(self, bias: torch.Tensor) -> float:
        """What the biases of norm and unembedding say for a against b."""
        with torch.no_grad():
            said = called(unembedding(self._model, self._twin), bias.to(self._stream.dtype))
        return float(said[self._tokens[0]] - said[self._tokens[1]])

    def _heads(self, layer: int) -> torch.Tensor | None:
        """Terms `[head]` of one layer; None where z, projected, is not what is written."""
        site, heads = Site("z", layer), self._model.n_heads(layer)
        write = self._model.ledger.blocks[layer].write("attention")
        written = self._held.get(Site("attn_out", layer))
        if site not in self._held or write is None or write.projection is None or written is None:
            return None
        z = self._held[site]
        module = submodule(self._twin, write.projection.module)
        with torch.no_grad():
            projected = called(module, z.reshape(-1))
        norm = self._post_norm(write, projected)
        made = (norm.forward(projected.float()) + norm.bias) * write.factor
        room = rounding(self._dtype) * (1e-6 + float(written.abs().max()))
        if made.shape != written.shape or float((made - written.float()).abs().max()) > room:
            return None
        towards = norm.back(self._direction.to(made.device)) * write.factor
        _, pull = _pulled_back(module, z.reshape(-1), towards)
        return (z.float() * pull.reshape(z.shape).float()).reshape(heads, -1).sum(-1)

    def _post_norm(self, write: Write, projected: torch.Tensor) -> FrozenNorm:
        return norm_at(self._twin, write.at if write.post_norm else None, projected)


def _require_sums(model: HookedModel) -> None:
    answering = require_answers(model, "direct effects")
    layers = [layer for layer in answering if not model.ledger.blocks[layer].additive]
    if layers:
        raise UnsupportedModelError(
            f"The stream of {model.name} is not a plain sum of what is written to it (layer "
            f"{layers[0]}: a norm or a scale after the sum), so no write has a direct effect of "
            "its own.",
            HINT,
        )


def _is_written_by(site: Site, at: Site) -> bool:
    """Whether what a site holds is in the stream at `at`, which is not before it."""
    if site.layer != at.layer:
        return (site.layer or 0) < (at.layer or 0)
    inside = {"resid_pre": 0, "z": 1, "attn_out": 1, "resid_mid": 1}
    return inside.get(site.name, 2) <= inside.get(at.name, 2)


def _pulled_back(
    module: nn.Module, vector: torch.Tensor, towards: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a linear module makes of a vector, and the direction in its input that says `towards`.

    The transpose of its weight on `towards`, without asking where or how it keeps the weight.
    """
    with torch.inference_mode(False), torch.enable_grad():
        given = vector.detach().clone().requires_grad_()
        out = called(module, given)
        said = (out.float() * towards.clone().to(out.device)).sum()
        (gradient,) = torch.autograd.grad(said, given)
    return out.detach(), gradient
