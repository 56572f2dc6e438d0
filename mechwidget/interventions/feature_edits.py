"""What an edit of a feature does to the tensors of the sites that its dictionary reads and writes.

Edits of one dictionary share, for one pass, what it has read and what they have made of it (see
`Edit.shares`): features are read once, and the error of the dictionary is never taken again.

In: a dictionary, the number of a feature, and a change of its activations `[batch, pos]`. Out:
functions for `Edit.apply`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.dictionaries.dictionary import Dictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from mechwidget.dictionaries.contract import FeatureDictionary


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What a dictionary has read in this pass.

    Attributes:
        x: what flowed at the site that it reads, the heads of z joined, `[batch, pos, d_in]`.
        edited: the activations `[batch, pos]` of the features that edits have changed.
        left: what the last edit left at the site that it writes; None before the first.
    """

    x: torch.Tensor
    edited: Mapping[int, torch.Tensor]
    left: torch.Tensor | None = None


def edit_in_place(
    known: FeatureDictionary,
    index: int,
    change: Callable[..., torch.Tensor],
    tensor: torch.Tensor,
    *given: Any,
) -> torch.Tensor:
    """An edit of an autoencoder's feature, where it reads and writes."""
    *sources, shared = given
    seen = shared.get("seen")
    if seen is None or not _same(seen.left, tensor):
        seen = _Seen(_joined(tensor), {})
    held = [activation(known, source, index) for source in sources]
    return _moved(known, index, partial(_call, change, held), seen, tensor, shared)


def look(
    known: FeatureDictionary, index: int, slot: object, tensor: torch.Tensor, *given: Any
) -> torch.Tensor:
    """What a transcoder reads, and what its feature was in the runs of an edit's sources."""
    *sources, shared = given
    shared["seen"] = _Seen(_joined(tensor).clone(), {})  # a block may go on to write into it
    shared[slot] = [activation(known, source, index) for source in sources]
    return tensor


def edit_ahead(
    known: FeatureDictionary,
    index: int,
    change: Callable[..., torch.Tensor],
    slot: object,
    tensor: torch.Tensor,
    shared: dict[Any, Any],
) -> torch.Tensor:
    """An edit of a transcoder's feature, where it writes."""
    change = partial(_call, change, shared[slot])
    return _moved(known, index, change, shared["seen"], tensor, shared)


def _call(
    change: Callable[..., torch.Tensor], held: Sequence[torch.Tensor], before: torch.Tensor
) -> torch.Tensor:
    return change(before, *(each.to(before.device) for each in held))


def _moved(
    known: FeatureDictionary,
    index: int,
    change: Callable[[torch.Tensor], torch.Tensor],
    seen: _Seen,
    tensor: torch.Tensor,
    shared: dict[Any, Any],
) -> torch.Tensor:
    """`tensor` and what the change of one feature adds to it; bit for bit itself where it did not.

    The sum is taken in float32 at least.
    """
    before = seen.edited.get(index)
    before = activation(known, seen.x, index) if before is None else before
    after = change(before).to(before)
    added = _added(known, index, seen, before, after).to(tensor.device).reshape(tensor.shape)
    wide = tensor if tensor.element_size() > 2 else tensor.float()
    moves = (after != before).to(tensor.device)
    moves = moves.reshape(*moves.shape, *[1] * (tensor.dim() - moves.dim()))
    edited = (wide + added.to(wide.dtype)).to(tensor.dtype).where(moves, tensor)
    shared["seen"] = _Seen(seen.x, {**seen.edited, index: after}, edited)
    return edited


def _added(
    known: FeatureDictionary,
    index: int,
    seen: _Seen,
    before: torch.Tensor,
    after: torch.Tensor,
) -> torch.Tensor:
    """decode(edited) - decode(the features as they were), `[batch, pos, d_out]`."""
    if isinstance(known, Dictionary):
        return (after - before).unsqueeze(-1) * known.direction(index).to(after.device)
    features = known.encode(_wide(seen.x)).clone()
    for other, values in seen.edited.items():
        features[..., other] = values.to(features)
    edited = features.clone()
    features[..., index], edited[..., index] = before.to(features), after.to(features)
    return known.decode(edited) - known.decode(features)


def activation(known: FeatureDictionary, tensor: torch.Tensor, index: int) -> torch.Tensor:
    """The activations `[batch, pos]` of one feature, where the site that is read holds `tensor`."""
    x = _wide(_joined(tensor))
    if isinstance(known, Dictionary):
        return known.activation_of(x, index)
    return known.encode(x)[..., index]


def _joined(tensor: torch.Tensor) -> torch.Tensor:
    """`[batch, pos, …]` as `[batch, pos, d]`: the heads of z side by side."""
    return tensor.flatten(2)


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.element_size() > 2 else tensor.float()


def _same(left: torch.Tensor | None, tensor: torch.Tensor) -> bool:
    """Whether nothing has come between two edits."""
    if left is tensor:
        return True
    if left is None or left.shape != tensor.shape or left.device != tensor.device:
        return False
    return bool((left == tensor).all())
