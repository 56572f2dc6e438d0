"""The copying score: does a head, given a token, say that token?

A head's OV circuit, from token to token, is W_E W_V W_O W_U, `[vocab, vocab]` and of rank d_head.
Positive eigenvalues mean that attending to a token raises its own logit; the score is Σλ / Σ|λ|,
1 for a head that only copies, -1 for one that only suppresses (Elhage et al. 2021, "A Mathematical
Framework for Transformer Circuits", "Detecting copying behavior"). The eigenvalues are those of
the [d_head, d_head] product W_O (W_U W_E) W_V, so that nothing of the size of the vocabulary
squared is ever made. The linear parts of the norm before the attention, of a norm after it and of
the final norm belong to the circuit, as when they are folded into the weights; positions, MLPs and
norms of the embedding do not.

Weights are probed by calling: W_V as what a head's z is when each position attends to itself and
the stream holds unit vectors, which is also checked to be linear.

In: a hooked model. Out: `CopyingScores`; no prompt is involved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.cutting import cut_to_fit
from mechwidget.analysis.ending import after_unembedding, called, norm_at, unembedding
from mechwidget.analysis.put import Put
from mechwidget.errors import CancelledError, UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from torch import nn

    from mechwidget.analysis.frozen_norm import FrozenNorm
    from mechwidget.models import HookedModel

_POSITIONS = 256  # unit vectors per run
_ROWS = 128  # of the unit matrix that are unembedded at once
_MAP_BYTES = 2**30  # of W_V that are held at once
_STRAIGHT = {torch.float16: 0.99, torch.bfloat16: 0.99}  # cosine, rounding allowed for


@dataclass(frozen=True, slots=True, eq=False)
class CopyingScores:
    """How much each head copies.

    Attributes:
        values: float32 `[layer, head]`, from -1 to 1; nan where a layer has no such circuit.
        reasons: per layer why it has none; empty where it has.
    """

    values: npt.NDArray[np.float32]
    reasons: tuple[str, ...]


def copying_scores(
    model: HookedModel, *, cancelled: Callable[[], bool] | None = None
) -> CopyingScores:
    """The eigenvalue score of every head's OV circuit.

    Raises:
        UnsupportedModelError: the model does not answer tokens with tokens in one stack, or its
            embedding or unembedding is no linear map from or to the stream; the message says why.
        CancelledError: `cancelled()` became true.
    """
    if len(model.stacks) > 1 or model.ledger.answer != "token":
        raise UnsupportedModelError(
            f"{model.name} does not answer tokens with tokens in one stack: no circuit of it leads "
            "from token to token."
        )
    layers = range(model.n_layers)
    reasons = [_why_not(model, layer) for layer in layers]
    values = np.full((model.n_layers, model.most_heads), np.nan)
    wanted = [layer for layer in layers if not reasons[layer]]
    if wanted:
        twin = make_twin(model.model)
        through_vocabulary = _unembedded_and_embedded(model, twin, cancelled)
        for group in cut_to_fit(wanted, 4 * model.d_model**2, _MAP_BYTES):
            for layer, into_z in _value_maps(model, group, cancelled).items():
                if into_z is None:
                    reasons[layer] = "what a head moves is not a linear map of the normed stream"
                    continue
                out_of_z = _output_map(model, twin, layer)
                for head, (w_v, w_o) in enumerate(zip(into_z, out_of_z, strict=True)):
                    there = through_vocabulary.device
                    values[layer, head] = _score(w_o.to(there) @ through_vocabulary @ w_v.to(there))
    return CopyingScores(values.astype(np.float32), tuple(reasons))


def _why_not(model: HookedModel, layer: int) -> str:
    block = model.ledger.blocks[layer]
    if not model.n_heads(layer):
        return "no attention heads that can be told apart"
    if Site("pattern", layer) not in model.sites:
        return "no attention pattern that can be set"
    if not block.additive:
        return "what the head writes is normed together with the stream"
    return ""


def _score(circuit: torch.Tensor) -> float:
    """Σλ / Σ|λ| of a square matrix; nan where all are zero."""
    eigenvalues = torch.linalg.eigvals(circuit.double().cpu())
    size = float(eigenvalues.abs().sum())
    return float(eigenvalues.real.sum()) / size if size else float("nan")


def _unembedded_and_embedded(
    model: HookedModel, twin: nn.Module, cancelled: Callable[[], bool] | None
) -> torch.Tensor:
    """`[d, d]`: from a stream through norm and unembedding to tokens, and to their embeddings."""
    place = model.ledger.embed
    if place is None:
        raise UnsupportedModelError(f"{model.name} has no embedding that can be called.")
    embed, unembed = submodule(twin, place.module), unembedding(model, twin)
    norm = _proved_norm(model, twin, unembed, cancelled)
    d, known = model.d_model, int(getattr(embed, "num_embeddings", model.vocab_size))
    vocabulary = torch.arange(min(known, model.vocab_size), device=model.device)
    unit = torch.eye(d, device=norm.gain.device)
    rows = []
    with torch.no_grad():
        nothing = unembed(torch.zeros(1, 1, d, device=unit.device, dtype=model.dtype))
        for start in range(0, d, _ROWS):
            _stop_if(cancelled)
            normed = norm.forward(unit[start : start + _ROWS]).to(model.dtype)
            said = (unembed(normed[None]) - nothing)[0].float()
            rows.append(_embedded(embed, vocabulary, said, d, model.name))
    return torch.cat(rows)


def _embedded(
    embed: nn.Module, vocabulary: torch.Tensor, said: torch.Tensor, d: int, name: str
) -> torch.Tensor:
    """`said[row, vocab]` times the embedding, block by block of the vocabulary."""
    total = torch.zeros(len(said), d, device=said.device)
    for ids in torch.split(vocabulary, 2**14):
        vectors = embed(ids[None])[0].float()
        if vectors.shape[-1] != d:
            raise UnsupportedModelError(
                f"{name} embeds tokens in {vectors.shape[-1]} numbers, and its stream has {d}: "
                "what stands between them belongs to no circuit."
            )
        total += said[:, ids.to(said.device)] @ vectors.to(said.device)
    return total


def _proved_norm(
    model: HookedModel, twin: nn.Module, unembed: nn.Module, cancelled: Callable[[], bool] | None
) -> FrozenNorm:
    """The final norm, once it and the unembedding have given the logits of a run."""
    last = Site("resid_post", answering_layers(model)[-1])
    run = model.run([0], read=[last], cancelled=cancelled)
    x = run.read[last][0, 0]
    norm = norm_at(twin, model.ledger.final_norm, x)
    with torch.no_grad():
        raw = called(unembed, (norm.forward(x.float()) + norm.bias).to(x.dtype))
    after_unembedding(model, raw, run.logits[0, 0])
    return norm


def _value_maps(
    model: HookedModel, layers: Sequence[int], cancelled: Callable[[], bool] | None
) -> Mapping[int, torch.Tensor | None]:
    """Per layer `[head, d, d_head]`: from the stream to a head's z; None where it is not linear."""
    d, seed = model.d_model, torch.Generator().manual_seed(0)
    room = _POSITIONS if model.max_positions is None else min(_POSITIONS, model.max_positions)
    if room < 3:
        raise UnsupportedModelError(f"{model.name} takes {room} tokens; 3 are needed to probe it.")
    some = torch.randn(d, generator=seed)
    found: dict[int, list[torch.Tensor]] = {layer: [] for layer in layers}
    checked: dict[int, torch.Tensor] = {}
    for part in torch.split(torch.eye(d), room - 2):
        streams = torch.cat([torch.zeros(1, d), some[None], part])
        values = {Site("resid_pre", layer): streams[None] for layer in layers}
        values |= {Site("pattern", layer): torch.eye(len(streams)) for layer in layers}
        read = model.run(
            [0] * len(streams),
            [Put(values)],
            [Site("z", layer) for layer in layers],
            [0],
            cancelled=cancelled,
        ).read
        for layer in layers:
            z = read["z", layer][0].float()
            found[layer].append(z[2:] - z[0])
            checked[layer] = z[1] - z[0]
    maps = {layer: torch.cat(parts) for layer, parts in found.items()}
    straight = _STRAIGHT.get(model.dtype, 0.9999)
    return {
        layer: made.transpose(0, 1) if _along(made, some, checked[layer]) > straight else None
        for layer, made in maps.items()
    }


def _along(made: torch.Tensor, some: torch.Tensor, seen: torch.Tensor) -> float:
    """The cosine between what a linear map gives for a vector and what was seen."""
    expected = torch.einsum("dhe,d->he", made, some.to(made.device))
    return float(torch.cosine_similarity(expected.flatten(), seen.flatten(), dim=0))


def _output_map(model: HookedModel, twin: nn.Module, layer: int) -> torch.Tensor:
    """`[head, d_head, d]`: from a head's z to the stream."""
    write = model.ledger.blocks[layer].write("attention")
    if write is None or write.projection is None:
        raise UnsupportedModelError(f"Layer {layer} has no output projection.")
    projection = submodule(twin, write.projection.module)
    # Its scale is a positive factor, which no score depends on.
    some = torch.randn(model.d_model, generator=torch.Generator().manual_seed(0))
    some = some.to(device=model.device, dtype=model.dtype)
    norm = norm_at(twin, write.at if write.post_norm else None, some)
    unit = torch.eye(write.width, device=model.device, dtype=model.dtype)
    with torch.no_grad():
        written = projection(unit[None])[0] - projection(torch.zeros_like(unit[None, :1]))[0]
    mapped = norm.forward(written.float().to(norm.gain.device)) * write.factor
    return mapped.reshape(model.n_heads(layer), -1, model.d_model)


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError("The copying scores were cancelled.")
