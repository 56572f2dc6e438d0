"""Features of a dictionary on a prompt: how active each is, and what the dictionary leaves over.

In: a prompt, a dictionary, and interventions. Out: `FeatureReading`, named arrays over the prompt's
positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.analysis.cutting import cut_to_fit
from mechwidget.dictionaries import find_dictionary
from mechwidget.errors import ComponentError, ReadTooLargeError
from mechwidget.interventions import Feature
from mechwidget.models.prompts import from_start
from mechwidget.models.reading import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.dictionaries import FeatureDictionary
    from mechwidget.models import HookedModel, Intervention
    from mechwidget.models.prompts import Prompt

_BYTES = 2**28  # of activations that are in memory at once, besides those that are asked for


@dataclass(frozen=True, slots=True, eq=False)
class FeatureReading:
    """What a dictionary sees in a prompt.

    Attributes:
        features: which features the columns of `activations` are.
        positions: which positions the rows are.
        activations: float32 `[pos, feature]`, in the dictionary's own unit: a feature adds its
            activation times its row of W_dec to the site that is written.
        l0: int64 `[pos]`, how many of all features are active there.
        norm: float32 `[pos]`, the Euclidean length of what flows at the site that is written.
        error: float32 `[pos]`, that of what the dictionary leaves over of it, x - x̂.
        explained: the fraction of variance explained over these positions, 1 - Σ‖x - x̂‖² /
            Σ‖x - mean x‖²: 1 is perfect, 0 no better than the mean, less is worse; nan where
            there is no variance, as at a single position.
    """

    features: tuple[int, ...]
    positions: tuple[int, ...]
    activations: npt.NDArray[np.float32]
    l0: npt.NDArray[np.int64]
    norm: npt.NDArray[np.float32]
    error: npt.NDArray[np.float32]
    explained: float


def feature_activations(
    model: HookedModel,
    prompt: Prompt,
    dictionary: str,
    interventions: Sequence[Intervention] = (),
    *,
    features: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
    max_bytes: int | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> FeatureReading:
    """What a registered dictionary sees where it reads, with the interventions in place.

    Args:
        model: whose activations.
        prompt: text, token ids, or `Tokens`.
        dictionary: the name that it is registered by.
        interventions: what the run is edited by. An edit of the site that is read is seen; what is
            left over is of the site that is written, as the edits leave it.
        features: which columns to return; None is all.
        positions: which rows; None is all. The first token of many models is so long that it
            decides `explained` alone: leave it out by naming the others.
        max_bytes: what `activations` may take; None is half of what is free.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        DictionaryError: no dictionary of that name.
        ComponentError: the model lacks its sites, or the dictionary a feature.
        ReadTooLargeError: more than `max_bytes`.
    """
    known = find_dictionary(dictionary)
    Feature(dictionary, 0).check(model)
    columns = _columns(known, features)
    tokens = model.tokenize(prompt)
    n = model.n_positions(tokens, known.reads.layer or 0)
    rows = tuple(range(n) if positions is None else from_start(positions, n))
    most = model.baselines.budget.to_read(model.device) if max_bytes is None else max_bytes
    _require_room(len(rows) * len(columns) * 4, most)
    sites = {known.reads, known.writes}
    read = model.run(tokens, interventions, sites, [-1], cancelled=cancelled).read
    x = read[known.reads][0].flatten(1)[list(rows)].float()
    target = read[known.writes][0].flatten(1)[list(rows)].float()
    activations, l0, made = _encoded(known, x, columns)
    left = target - made.to(target.device)
    around = float((target - target.mean(0)).square().sum())
    explained = 1 - float(left.square().sum()) / around if around else float("nan")
    norm, error = (each.norm(dim=-1).cpu().numpy() for each in (target, left))
    return FeatureReading(columns, rows, activations, l0, norm, error, explained)


def _encoded(
    known: FeatureDictionary, x: torch.Tensor, columns: Sequence[int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], torch.Tensor]:
    """Activations of the columns, how many of all are active, and the reconstruction."""
    activations = np.empty((len(x), len(columns)), np.float32)
    l0 = np.empty(len(x), np.int64)
    made = []
    reconstruct = getattr(known, "reconstruct", None)
    for part in cut_to_fit(range(len(x)), 4 * known.n_features, _BYTES):
        rows = list(part)
        encoded = known.encode(x[rows]).detach().float()
        activations[rows] = encoded[:, list(columns)].cpu().numpy()
        l0[rows] = (encoded != 0).sum(-1).cpu().numpy()
        whole = known.decode(encoded) if reconstruct is None else reconstruct(x[rows])
        made.append(whole.detach().float())
    return activations, l0, torch.cat(made)


def _columns(known: FeatureDictionary, features: Sequence[int] | None) -> tuple[int, ...]:
    if features is None:
        return tuple(range(known.n_features))
    for index in features:
        if not 0 <= index < known.n_features:
            raise ComponentError(
                f"There is no feature {index}: the dictionary has {known.n_features:,} (0 to "
                f"{known.n_features - 1:,})."
            )
    return tuple(features)


def _require_room(n_bytes: int, most: int) -> None:
    if n_bytes > most:
        raise ReadTooLargeError(
            f"The activations of all these features take {in_words(n_bytes)}; at most "
            f"{in_words(most)} may be taken.",
            "Ask for some features or positions, or allow more with max_bytes=.",
        )
