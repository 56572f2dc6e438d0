"""The copying score: does a head, given a token, say that token?

A head's OV circuit, from token to token, is W_E W_V W_O W_U, `[vocab, vocab]` and of rank d_head.
Positive eigenvalues mean that attending to a token raises its own logit; the score is Σλ / Σ|λ|,
1 for a head that only copies, -1 for one that only suppresses (Elhage et al. 2021, "A Mathematical
Framework for Transformer Circuits", "Detecting copying behavior"). The eigenvalues are those of
the [d_head, d_head] product W_O (W_U W_E) W_V, so that nothing of the size of the vocabulary
squared is ever made. The linear parts of the norm before the attention, of a norm after it and of
the final norm belong to the circuit, as when they are folded into the weights; positions, MLPs and
norms of the embedding do not.

Weights are probed by calling (see `head_maps`).

In: a hooked model. Out: `CopyingScores`; no prompt is involved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.analysis.cutting import cut_to_fit
from mechwidget.analysis.head_maps import NOT_LINEAR, output_map, value_maps, why_no_circuit
from mechwidget.analysis.vocabulary_ends import tokens_in, tokens_out
from mechwidget.errors import CancelledError, UnsupportedModelError
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from torch import nn

    from mechwidget.models import HookedModel

_ROWS = 128  # of the unit matrix that are unembedded at once
_MAP_BYTES = 2**30  # of W_V that are held at once


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
    reasons = [why_no_circuit(model, layer) for layer in layers]
    values = np.full((model.n_layers, model.most_heads), np.nan)
    wanted = [layer for layer in layers if not reasons[layer]]
    if wanted:
        twin = make_twin(model.model)
        through_vocabulary = _unembedded_and_embedded(model, twin, cancelled)
        for group in cut_to_fit(wanted, 4 * model.d_model**2, _MAP_BYTES):
            for layer, into_z in value_maps(model, group, cancelled=cancelled).items():
                if into_z is None:
                    reasons[layer] = NOT_LINEAR
                    continue
                there = through_vocabulary.device
                out_of_z = output_map(model, twin, layer).to(there)
                for head, w_v in enumerate(into_z.weight.to(there)):
                    values[layer, head] = copying_score(out_of_z[head] @ through_vocabulary @ w_v)
    return CopyingScores(values.astype(np.float32), tuple(reasons))


def copying_score(circuit: torch.Tensor) -> float:
    """Σλ / Σ|λ| of a square matrix; nan where all are zero."""
    eigenvalues = torch.linalg.eigvals(circuit.double().cpu())
    size = float(eigenvalues.abs().sum())
    return float(eigenvalues.real.sum()) / size if size else float("nan")


def _unembedded_and_embedded(
    model: HookedModel, twin: nn.Module, cancelled: Callable[[], bool] | None
) -> torch.Tensor:
    """`[d, d]`: from a stream through norm and unembedding to tokens, and to their embeddings."""
    source, answer = tokens_in(model, twin), tokens_out(model, twin, cancelled)
    known = min(source.n_tokens, answer.vocab_size)
    rows = []
    for unit in torch.split(torch.eye(model.d_model), _ROWS):
        _stop_if(cancelled)
        said = answer.of(unit)
        total = torch.zeros(len(said), model.d_model, device=said.device)
        for ids in source.blocks(torch.arange(known)):
            total += said[:, ids.to(said.device)] @ source.of(ids).to(said.device)
        rows.append(total)
    return torch.cat(rows)


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError("The copying scores were cancelled.")
