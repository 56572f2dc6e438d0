"""Rotary embeddings as a model applies them: which pairs of numbers are turned by which angle.

The angles are read off what the model's own rotary module returned (cosines and sines, or complex
numbers), or off a table of them inside its attention; what is turned, and how pairs are laid out,
is found by running the model once more with that rotation taken away, and comparing its queries.

In: a model and tokens. Out: `Rotary`, one for each rotation that the model has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from mechwidget.models import HookedModel, Site
from mechwidget.models.hooks import submodule
from mechwidget.models.trace import tensors_in
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    from torch import nn

    from mechwidget.analysis.position_calls import PositionCalls
    from mechwidget.models import Tokens

Pairing = Literal["halves", "adjacent"]

_PAIRINGS: tuple[Pairing, ...] = ("halves", "adjacent")
_ENOUGH = 8  # tokens by which it is told whether a rotation makes a difference
_ROUND = 2e-2  # how far cos² + sin² may be from one value, in half precision
_AGREES = {torch.float16: 3e-2, torch.bfloat16: 6e-2}


@dataclass(frozen=True, slots=True, eq=False)
class Rotary:
    """One rotation.

    Attributes:
        module: the module, or the table, that the angles were read off.
        layers: the layers that are given it.
        angles: float32 `[pos, pair]`, in radians between -π and π: those of the model's own cosines
            and sines.
        inverse_frequencies: float32 `[pair]`, radians per position, between -π and π.
        scaling: what cosines and sines are multiplied by besides; 1 but for YaRN and its kin.
        pairing: whether the numbers i and i + width / 2 of a head are a pair ("halves") or 2i and
            2i + 1 ("adjacent"); None where that could not be confirmed on the model's queries.
        first: the first number of a head that is turned; `width`: how many of its `d_head` are.
        error: how far turning the unturned queries by these angles is from the model's own ones,
            as a share of the largest; nan where it could not be tried.
        named: what the config says of it, e.g. "yarn, factor 4".
    """

    module: str
    layers: tuple[int, ...]
    angles: npt.NDArray[np.float32]
    inverse_frequencies: npt.NDArray[np.float32]
    scaling: float
    pairing: Pairing | None
    first: int
    width: int
    d_head: int
    error: float
    named: str

    def turned(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """`vectors[pos, …, d_head]` turned by the angles of their positions, and scaled."""
        turned = _turned(vectors, self.angles, self.pairing or "halves", self.first)
        turned[..., self.first : self.first + self.width] *= self.scaling
        return turned


def rotaries(
    model: HookedModel,
    tokens: Tokens,
    calls: PositionCalls,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Rotary, ...]:
    """Every rotation that some layer is given; `calls` is what a forward on `tokens` showed."""
    found = list(_by_modules(model, calls))
    if not found:
        found = list(_by_tables(model, len(tokens)))
    found.sort(key=lambda one: one.layers)
    confirmed = (_confirmed(model, tokens, one, cancelled) for one in found)
    return tuple(one for one in confirmed if one is not None)


@dataclass(frozen=True, slots=True, eq=False)
class _Rotation:
    """A rotation that was seen, and how to take it away on a twin."""

    module: str
    layers: tuple[int, ...]
    angles: npt.NDArray[np.float32]
    scaling: float
    silence: Callable[[nn.Module], None]


def _by_modules(model: HookedModel, calls: PositionCalls) -> Iterator[_Rotation]:
    attending = [layer for layer in range(model.n_layers) if model.n_heads(layer)]
    for name, nth, output in calls.outputs:
        read = _rotation_in(output, calls.length)
        if read is None:
            continue
        given = calls.given(tuple(tensors_in(output)), name)
        layers = tuple(layer for layer in given if layer in attending) or given
        if layers:
            yield _Rotation(name, layers, *read, _silencer(name, nth))


def _by_tables(model: HookedModel, n: int) -> Iterator[_Rotation]:
    """Tables of sines and cosines inside the attention of the layers (GPT-J, CodeGen)."""
    layers: dict[int, tuple[str, str, torch.Tensor]] = {}
    for layer, block in enumerate(model.ledger.blocks):
        module = submodule(model.model, block.place.module)
        for name, table in module.named_buffers():
            if table.dim() == 2 and len(table) >= n and table.is_floating_point():
                halves = table[:n].float().chunk(2, -1)
                if _angles(halves[1], halves[0]) is not None and not halves[0][0].any():
                    holder, _, own = f"{block.place.module}.{name}".rpartition(".")
                    layers[layer] = (holder, own, table)
    if layers:
        holder, own, table = next(iter(layers.values()))
        sine, cosine = table[:n].float().chunk(2, -1)
        places = [(place, name) for place, name, _ in layers.values()]
        angles = torch.atan2(sine, cosine).cpu().numpy()
        yield _Rotation(f"{holder}.{own}", tuple(layers), angles, 1.0, _table_silencer(places))


def _rotation_in(output: Any, n: int) -> tuple[npt.NDArray[np.float32], float] | None:
    """Angles `[pos, pair]` and scaling of what a module returned, if that is a rotation."""
    parts = list(tensors_in(output))
    if len(parts) == 1 and parts[0].is_complex() and parts[0].shape[-2] == n:
        turn = parts[0].reshape(-1, *parts[0].shape[-2:])[0]
        return _angles(turn.real.float(), turn.imag.float())
    if len(parts) != 2 or parts[0].shape != parts[1].shape or parts[0].dim() < 2:
        return None
    if not parts[0].is_floating_point() or parts[0].shape[-2] != n:
        return None
    cosine, sine = (part.float().reshape(-1, *part.shape[-2:])[0] for part in parts)
    read = _angles(cosine, sine)
    return None if read is None else (_each_pair_once(read[0]), read[1])


def _angles(
    cosine: torch.Tensor, sine: torch.Tensor
) -> tuple[npt.NDArray[np.float32], float] | None:
    squared = cosine**2 + sine**2
    one = float(squared.mean())
    if not one > 0 or float((squared - one).abs().max()) > _ROUND * one or not sine.any():
        return None
    return torch.atan2(sine, cosine).cpu().numpy(), one**0.5


def _each_pair_once(angles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Without the copies that modules make so that one product turns both of a pair."""
    half = angles.shape[-1] // 2
    if angles.shape[-1] % 2 == 0 and np.array_equal(angles[:, :half], angles[:, half:]):
        return angles[:, :half]
    if angles.shape[-1] % 2 == 0 and np.array_equal(angles[:, ::2], angles[:, 1::2]):
        return angles[:, ::2]
    return angles


def _silencer(name: str, nth: int) -> Callable[[nn.Module], None]:
    def silence(twin: nn.Module) -> None:
        count = iter(range(10**9))

        def unturned(_module: nn.Module, _args: Any, output: Any) -> Any:
            if next(count) != nth:
                return None
            if isinstance(output, torch.Tensor):
                return output.abs().to(output.dtype)
            cosine, sine = output
            size = (cosine.float() ** 2 + sine.float() ** 2).sqrt().to(cosine.dtype)
            return type(output)((size, torch.zeros_like(sine)))

        submodule(twin, name).register_forward_hook(unturned)

    return silence


def _table_silencer(places: list[tuple[str, str]]) -> Callable[[nn.Module], None]:
    def silence(twin: nn.Module) -> None:
        for holder, name in places:
            buffers = submodule(twin, holder)._buffers  # noqa: SLF001 - the twin's own
            table = buffers[name]
            if table is not None:
                sine, cosine = table.chunk(2, -1)
                buffers[name] = torch.cat((torch.zeros_like(sine), torch.ones_like(cosine)), -1)

    return silence


def _confirmed(
    model: HookedModel,
    tokens: Tokens,
    one: _Rotation,
    cancelled: Callable[[], bool] | None,
) -> Rotary | None:
    """With the pairing and the place that make the model's own queries of its unturned ones.

    None of a rotation that no layer makes use of: some models compute one beside another encoding.
    """
    width = 2 * one.angles.shape[-1]
    step = one.angles[1].astype(np.float64) - one.angles[0]
    frequencies = (step + np.pi) % (2 * np.pi) - np.pi
    layer = _first_that_uses(model, tokens, one, cancelled)
    if layer is None:
        return None
    site = Site("q", layer)
    pairing: Pairing | None = None
    first, d_head, error = 0, width, float("nan")
    if site in model.sites:
        own, unturned = _both_ways(model, tokens, [site], one, cancelled)[site]
        d_head = own.shape[-1]
        tries: list[tuple[float, Pairing, int]] = [
            (_apart(own, _turned(unturned, one.angles, how, at)), how, at)
            for how in _PAIRINGS
            for at in sorted({0, d_head - width})
            if d_head >= width
        ]
        best = min(tries, key=lambda found: found[0], default=None)
        if best is not None and best[0] <= _AGREES.get(model.dtype, 1e-3):
            error, pairing, first = best
    return Rotary(
        one.module,
        one.layers,
        one.angles,
        frequencies.astype(np.float32),
        one.scaling,
        pairing,
        first,
        width,
        d_head,
        error,
        rope_name(model, layer),
    )


def _first_that_uses(
    model: HookedModel,
    tokens: Tokens,
    one: _Rotation,
    cancelled: Callable[[], bool] | None,
) -> int | None:
    """The first layer for which the rotation makes a difference, told by the start of the prompt.

    Where a model's numbers are none, nobody can say: then it is the first that is given it.
    """
    sites = [Site("resid_post", layer) for layer in one.layers]
    known = [site for site in sites if site in model.sites]
    start = _start(tokens, _ENOUGH)
    for site, (own, other) in _both_ways(model, start, known, one, cancelled).items():
        if not np.isfinite(own).all() or not np.array_equal(own, other):
            return site.layer
    return None


def _start(tokens: Tokens, n: int) -> Tokens:
    return replace(tokens, ids=tokens.ids[:n], texts=tokens.texts[:n], special=tokens.special[:n])


def _both_ways(
    model: HookedModel,
    tokens: Tokens,
    sites: Sequence[Site],
    one: _Rotation,
    cancelled: Callable[[], bool] | None,
) -> dict[Site, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """`[pos, …]` at some sites, the model's own and without the rotation."""
    twin = make_twin(model.model)
    one.silence(twin)
    still = HookedModel(twin, model.tokenizer, model.name, model.ledger, model.source)
    runs = [
        each.run(tokens, (), sites, [-1], cancelled=cancelled, replay=False)
        for each in (model, still)
    ]

    def held(site: Site) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        own, other = (run.read[site][0].float().cpu().numpy() for run in runs)
        return own, other

    return {site: held(site) for site in sites}


def _turned(
    vectors: npt.NDArray[np.float32],
    angles: npt.NDArray[np.float32],
    pairing: Pairing,
    first: int,
) -> npt.NDArray[np.float32]:
    pairs = angles.shape[-1]
    index = np.arange(pairs)
    a = first + (index if pairing == "halves" else 2 * index)
    b = a + (pairs if pairing == "halves" else 1)
    shape = (len(angles), *[1] * (vectors.ndim - 2), pairs)
    cosine, sine = (each(angles).reshape(shape) for each in (np.cos, np.sin))
    turned = vectors.copy()
    x, y = vectors[..., a], vectors[..., b]
    turned[..., a], turned[..., b] = x * cosine - y * sine, y * cosine + x * sine
    return turned


def _apart(own: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    apart = float(np.abs(own - other).max() / max(float(np.abs(own).max()), 1e-9))
    return apart if np.isfinite(apart) else float("inf")


def rope_name(model: HookedModel, layer: int) -> str:
    """What the config says of a layer's rotation."""
    config: Any = getattr(model.model, "config", None)
    said = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None)
    kinds = getattr(config, "layer_types", None)
    if isinstance(said, dict) and isinstance(kinds, (list, tuple)) and layer < len(kinds):
        said = said.get(kinds[layer], said)
    if not isinstance(said, dict):
        return ""
    words = [str(said.get("rope_type", said.get("type", "")))]
    numbers = ((name, value) for name, value in said.items() if isinstance(value, (int, float)))
    return ", ".join(filter(None, [*words, *(f"{name} {value:g}" for name, value in numbers)]))
