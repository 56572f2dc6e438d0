"""What a neuron reads and writes, by its weights alone: directions, and the tokens nearest to them.

A neuron reads along one direction of the stream, or, in a gated MLP, along two: the gate's, whose
product with the stream passes a nonlinearity, and the up projection's, which multiplies that
(Shazeer 2020, "GLU Variants Improve Transformer"). It writes along its row of the down projection.
Norms are held at scale 1: their gain (and, of a layer norm, taking the mean away) is folded in,
what they divide by is not. So `tokens = embedding @ reads` and `logits = unembedding @ writes` are
plain matrix products, independent of any prompt (Geva et al. 2021, "Transformer Feed-Forward Layers
Are Key-Value Memories"; Geva et al. 2022). Directions are found by calling modules, not read.

In: a hooked model and a neuron. Out: `NeuronReads`, `NeuronWrites`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.cutting import cut
from mechwidget.analysis.ending import first, require_sums, unembedding
from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models.calling import quietly, with_gradients
from mechwidget.models.hooks import submodule
from mechwidget.models.mlp_parts import MlpParts, mlp_parts
from mechwidget.models.norms import Norm, probed
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from mechwidget.interventions import ExpertNeuron, Neuron
    from mechwidget.models import HookedModel
    from mechwidget.models.ledger import Place

_TOKENS_AT_ONCE = 8192
_ROWS_AT_ONCE = 512
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The tokens that a direction has most and least to do with.

    Attributes:
        most: token ids, those with the largest product first; `highest`: float32, the products.
        least: token ids, those with the smallest product first; `lowest`: float32.
    """

    most: tuple[int, ...]
    highest: npt.NDArray[np.float32]
    least: tuple[int, ...]
    lowest: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NeuronInput:
    """One direction that a neuron reads along.

    Attributes:
        name: "in", or "gate" and "up" of a gated MLP.
        direction: float32 `[d_model]`, in the stream, the norm's gain folded in.
        bias: what is added to the product with the normed stream.
        tokens: by the product of the direction with each token's embedding; None where the
            embedding cannot be called, or belongs to another stack.
    """

    name: str
    direction: npt.NDArray[np.float32]
    bias: float
    tokens: Nearest | None


@dataclass(frozen=True, slots=True, eq=False)
class NeuronReads:
    """What a neuron reads.

    Attributes:
        inputs: one direction, or gate and up.
        normed: whether a norm was found between the stream and the MLP.
        note: why tokens are missing; else empty.
    """

    inputs: tuple[NeuronInput, ...]
    normed: bool
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class NeuronWrites:
    """What one unit of a neuron writes.

    Attributes:
        direction: float32 `[d_model]`, added to the stream per unit of activation (before the
            router's weight, of an expert's neuron).
        tokens: by logits per unit of activation, the final norm at scale 1; None where there is
            no direct way from it to the logits.
        note: why tokens are missing; else empty.
    """

    direction: npt.NDArray[np.float32]
    tokens: Nearest | None
    note: str


def neuron_reads(model: HookedModel, neuron: Neuron | ExpertNeuron, *, k: int = 10) -> NeuronReads:
    """The directions that a neuron reads along, and the tokens whose embeddings it likes best.

    Raises:
        ComponentError: the model has no such neuron.
        UnsupportedModelError: what it reads cannot be told; the message says why.
    """
    neuron.check(model)
    with model.lock:
        parts = _parts(model, neuron)
        found = [
            (name, *_input(parts, which, place))
            for name, which, place in _inputs(parts, neuron.index)
        ]
        embed, note = _embedding(model, neuron.layer)
        inputs = tuple(
            NeuronInput(name, _array(direction), bias, _read_tokens(model, embed, direction, k))
            for name, direction, bias in found
        )
    return NeuronReads(inputs, parts.norm is not None, note)


def neuron_writes(
    model: HookedModel, neuron: Neuron | ExpertNeuron, *, k: int = 10
) -> NeuronWrites:
    """The direction that a neuron writes along, and the tokens that it speaks for and against.

    Raises:
        ComponentError: the model has no such neuron.
        UnsupportedModelError: what it writes cannot be told; the message says why.
    """
    neuron.check(model)
    with model.lock:
        direction = _written(_parts(model, neuron), neuron.index)
        try:
            logits = _logits(model, neuron.layer, direction)
        except MechwidgetError as error:
            return NeuronWrites(_array(direction), None, error.message)
    return NeuronWrites(_array(direction), _nearest(logits, k), "")


def _parts(model: HookedModel, neuron: Neuron | ExpertNeuron) -> MlpParts:
    return mlp_parts(model, neuron.layer, getattr(neuron, "expert", None))


def _inputs(parts: MlpParts, neuron: int) -> list[tuple[str, int, int]]:
    """Which numbers a neuron is made of: `(name, which linear map, which of its outputs)`.

    The maps' outputs are replaced by made-up numbers; those that the neuron changes with are its
    own. What it is proportional to, also below 0, is the up projection.
    """
    chance = torch.Generator().manual_seed(_SEED)
    given = []
    for read in parts.reads:
        width = quietly(lambda read=read: read(parts.example[:1])).shape[-1]  # type: ignore[misc]
        row = (0.5 + torch.rand(width, generator=chance)).to(parts.example)
        given.append(row.expand(3, -1).clone())

    def gradients() -> tuple[torch.Tensor | None, ...]:
        leaves = [one.clone().requires_grad_() for one in given]
        activation = parts.activate(leaves)[0, neuron].float()
        return torch.autograd.grad(activation, leaves, allow_unused=True)

    found = [
        (which, at)
        for which, gradient in enumerate(with_gradients(gradients))
        if gradient is not None
        for at in gradient[0].nonzero().flatten().tolist()
    ]
    if len(found) not in (1, 2):
        raise UnsupportedModelError(
            f"This neuron is made of {len(found)} numbers of the linear maps before it; one, or a "
            "gate and what it multiplies, was expected."
        )
    if len(found) == 1:
        return [("in", *found[0])]
    for turn, (nth, place) in enumerate(found, start=1):
        given[nth][turn, place] *= -1
    values = parts.activate(given)[:, neuron].detach().float()
    odd = [torch.isclose(values[turn], -values[0], rtol=1e-3, atol=1e-6) for turn in (1, 2)]
    up = 0 if odd[0] and not odd[1] else 1  # of two that are both linear the first is the gate
    return [("gate", *found[1 - up]), ("up", *found[up])]


def _input(parts: MlpParts, which: int, place: int) -> tuple[torch.Tensor, float]:
    """A neuron's direction in the stream and its bias."""
    read = parts.reads[which]

    def pulled() -> torch.Tensor:
        x = torch.zeros_like(parts.example[:1]).requires_grad_()
        return torch.autograd.grad(read(x)[0, place].float(), x)[0][0]

    def probed_one_by_one() -> torch.Tensor:
        rows = torch.eye(parts.example.shape[-1]).to(parts.example)
        given = [*torch.split(rows, _ROWS_AT_ONCE), torch.zeros_like(rows[:1])]
        made = torch.cat([read(some)[:, place].float() for some in given])
        return made[:-1] - made[-1]

    try:
        direction = with_gradients(pulled).float()
    except RuntimeError:  # int8 weights let no gradient pass
        direction = quietly(probed_one_by_one)
    bias = quietly(lambda: read(torch.zeros_like(parts.example[:1])))[0, place]
    return (direction if parts.norm is None else _back(parts.norm, direction)), float(bias)


def _written(parts: MlpParts, neuron: int) -> torch.Tensor:
    """What one unit of a neuron adds to the stream, every norm on its way at scale 1."""

    def moved() -> torch.Tensor:
        zeros = parts.activate([read(parts.example[:1]) for read in parts.reads]).detach()
        unit = torch.zeros_like(zeros)
        unit[:, neuron] = 1
        return (parts.writes(unit).float() - parts.writes(torch.zeros_like(unit)).float())[0]

    direction = quietly(moved)
    for norm in parts.post_norms:
        direction = _forward(norm, direction)
    return direction * parts.factor


def _forward(norm: Norm, y: torch.Tensor) -> torch.Tensor:
    """The linear part of a norm at scale 1."""
    y = y.to(norm.gain.device)
    return norm.gain.float() * (y - y.mean() if norm.centres else y)


def _back(norm: Norm, direction: torch.Tensor) -> torch.Tensor:
    """Its transpose: what the stream is multiplied by."""
    pulled = norm.gain.float() * direction
    return pulled - pulled.mean() if norm.centres else pulled


def _logits(model: HookedModel, layer: int, direction: torch.Tensor) -> torch.Tensor:
    """What a direction in the stream adds to each logit, the final norm at scale 1."""
    if layer not in answering_layers(model):
        raise UnsupportedModelError("it is in a stack that does not answer")
    require_sums(model)
    twin = make_twin(model.model)
    module = unembedding(model, twin)
    place: Place | None = model.ledger.final_norm
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), model.dtype)
    if place is not None:
        norm = probed(submodule(twin, place.module), direction.to(dtype)[None, None])
        if norm is None:
            raise UnsupportedModelError("the final norm is neither a layer norm nor an RMS norm")
        direction = _forward(norm, direction)

    def said() -> torch.Tensor:
        given = torch.stack([direction, torch.zeros_like(direction)]).to(dtype)[None]
        return first(module(given))[0].float()

    try:
        with_direction, without = quietly(said)
    except RuntimeError as error:
        raise UnsupportedModelError(
            f"what is unembedded is not the residual stream: {error}"
        ) from error
    added: torch.Tensor = with_direction - without
    return added.cpu()


def _embedding(
    model: HookedModel, layer: int
) -> tuple[Callable[[torch.Tensor], torch.Tensor] | None, str]:
    """The embedding of the stack that a layer is in, or why it cannot be had."""
    if model.ledger.embed is None:
        return None, "no module was found that embeds tokens"
    if not model.stack_of(layer).main:
        return None, "the embedding of its stack is not known"
    twin, name = make_twin(model.model), model.ledger.embed.module
    module = submodule(twin, name)

    def embed(ids: torch.Tensor) -> torch.Tensor:
        def called() -> torch.Tensor:
            return first(module(ids[None]))[0].float()

        return quietly(called)

    try:
        width = embed(torch.tensor([0], device=model.device)).shape[-1]
    except (TypeError, RuntimeError, IndexError, ValueError):
        return None, "the embedding cannot be called on tokens alone"
    if width != model.stack_of(layer).d_model:
        return None, f"embeddings are {width} wide, and the stream is not"
    return embed, ""


def _read_tokens(
    model: HookedModel,
    embed: Callable[[torch.Tensor], torch.Tensor] | None,
    direction: torch.Tensor,
    k: int,
) -> Nearest | None:
    """The tokens whose embeddings have most and least of a direction, block by block."""
    if embed is None:
        return None
    n_tokens = model.ledger.n_tokens or model.vocab_size
    products = [
        embed(torch.tensor(ids, device=model.device)) @ direction.to(model.device)
        for ids in cut(range(n_tokens), _TOKENS_AT_ONCE)
    ]
    return _nearest(torch.cat(products)[: model.vocab_size].cpu(), k)


def _nearest(products: torch.Tensor, k: int) -> Nearest:
    n = min(k, len(products))
    most, least = products.topk(n), products.topk(n, largest=False)
    return Nearest(
        tuple(most.indices.tolist()),
        most.values.numpy(),
        tuple(least.indices.tolist()),
        least.values.numpy(),
    )


def _array(direction: torch.Tensor) -> npt.NDArray[np.float32]:
    return direction.detach().float().cpu().numpy()
