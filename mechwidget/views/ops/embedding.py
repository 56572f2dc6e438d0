"""What the embedding view fetches: the parts of the first residual, neighbours, positions, a plane.

In flow the arguments of a request; out flow frames, once the session has them. All of it is of the
prompt without edits: they act on what comes after. Vectors travel at the resolution of a strip.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis import embedding_parts, nearest_tokens, position_encoding, token_plane
from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.views.deferred import Then
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mechwidget.analysis import (
        EmbeddingParts,
        PositionEncoding,
        RelativeBias,
        Rotary,
        TokenPlane,
    )
    from mechwidget.models import HookedModel
    from mechwidget.session import Session
    from mechwidget.session.job import Job
    from mechwidget.session.state import State

MOST_POSITIONS = 512
"""Along a side of a map of positions; of more, every so-manieth is shown."""
_STRIP = 512
_NEIGHBOURS = 6
_FEWEST = 3  # vectors of which a plane says something

Answer = tuple[Any, ...]


class Embedding:
    """The ops that show how the text of one session becomes vectors."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (
            self.embedding_parts,
            self.embedding_token,
            self.position_encoding,
            self.token_plane,
        ):
            channel.on(op.__name__, op)

    def embedding_parts(self, args: Arguments, _: Request) -> Then[Answer]:
        """Norms, shares and cosines of the parts, `[row, pos]`, and what each part is."""
        args.only()
        return Then(parts_of(self._session), _parts_answer)

    def embedding_token(self, args: Arguments, _: Request) -> Then[Answer]:
        """One token's vectors, `[part, number]`, and the tokens nearest to them."""
        args.only("position")
        model, last = self._session.model, len(self._session.now().state.tokens) - 1
        position = args.integer("position", 0, last)

        def work(state: State, cancelled: Callable[[], bool]) -> Answer:
            parts = embedding_parts(model, state.tokens, cancelled=cancelled)
            return _token_answer(model, parts, position, cancelled)

        key = ("embedding token", position)
        return Then(self._session.read(key, work, lambda _found: 10_000), lambda found: found)

    def position_encoding(self, args: Arguments, _: Request) -> Then[Answer]:
        """Every encoding of positions that the model has, as maps."""
        args.only()
        model = self._session.model

        def work(state: State, cancelled: Callable[[], bool]) -> PositionEncoding:
            return position_encoding(model, state.tokens, cancelled=cancelled)

        job = self._session.read(("position encoding",), work, _encoding_bytes)
        return Then(job, _encoding_answer)

    def token_plane(self, args: Arguments, _: Request) -> Then[Answer]:
        """The vectors of the prompt on a plane, `[pos, 2]`, and the variance along each axis."""
        of = args.only("of").choice("of", "token", "resid_pre")
        model = self._session.model

        def work(state: State, cancelled: Callable[[], bool]) -> TokenPlane:
            parts = embedding_parts(model, state.tokens, cancelled=cancelled)
            at = parts.part("token")
            if of == "token" and at is None:
                raise MechwidgetError(f"No part of the embedding of {model.name} is the token's.")
            chosen = parts.resid_pre if of == "resid_pre" or at is None else parts.vectors[at]
            return _plane_of_words(chosen, state.tokens.special)

        def answer(found: TokenPlane) -> Answer:
            left_out = int(np.isnan(found.places[:, 0]).sum())
            about = {"explained": list(found.explained), "left_out": left_out}
            return about, encode(found.places)

        job = self._session.read(("token plane", of), work, lambda found: found.places.nbytes)
        return Then(job, answer)


def _plane_of_words(vectors: npt.NDArray[np.float32], special: tuple[bool, ...]) -> TokenPlane:
    """Special tokens lie far from all others, which would leave these one axis: nan of those."""
    words = ~np.array(special)
    if words.all() or words.sum() < _FEWEST:
        return token_plane(vectors)
    found = token_plane(vectors[words])
    places = np.full((len(vectors), 2), np.nan, dtype=np.float32)
    places[words] = found.places
    return replace(found, places=places)


def parts_of(session: Session) -> Job[EmbeddingParts]:
    """The parts of the first residual of a session's prompt."""

    def work(state: State, cancelled: Callable[[], bool]) -> EmbeddingParts:
        return embedding_parts(session.model, state.tokens, cancelled=cancelled)

    return session.read(("embedding parts",), work, lambda found: 2 * found.vectors.nbytes)


def _parts_answer(parts: EmbeddingParts) -> Answer:
    pairs = list(combinations(range(len(parts.kinds)), 2))
    about = {
        **_parts_json(parts),
        "pairs": [list(pair) for pair in pairs],
        "d_model": parts.resid_pre.shape[1],
    }
    n = len(parts.tokens)
    cosines = [parts.cosines(*pair) for pair in pairs]
    sums = [np.linalg.norm(each, axis=-1) for each in (parts.total, parts.resid_pre)]
    return (
        about,
        encode(parts.norms),
        encode(parts.shares),
        encode(np.stack(sums)),
        encode(np.stack(cosines) if cosines else np.zeros((0, n), np.float32)),
    )


def _parts_json(parts: EmbeddingParts) -> dict[str, Any]:
    factors = [None if np.isnan(factor) else factor for factor in parts.factors]
    return {
        "kinds": list(parts.kinds),
        "modules": list(parts.modules),
        "factors": factors,
        "learned": list(parts.learned),
        "steps": list(parts.steps),
    }


def _token_answer(
    model: HookedModel, parts: EmbeddingParts, position: int, cancelled: Callable[[], bool]
) -> Answer:
    vectors = parts.vectors[:, position]
    at = parts.part("token")
    beside, reason = _neighbours(
        model,
        {"token": None if at is None else vectors[at], "sum": parts.total[position]},
        cancelled,
    )
    rows = [*vectors, parts.total[position]]
    # A step may lead to another width; then the stream has a strip of its own.
    about = {"position": position, "width": vectors.shape[-1], "nearest": beside, "reason": reason}
    own = parts.resid_pre[position]
    return about, _strips(np.stack(rows)), _strips(own[None])


def _neighbours(
    model: HookedModel,
    wanted: dict[str, npt.NDArray[np.float32] | None],
    cancelled: Callable[[], bool],
) -> tuple[dict[str, list[dict[str, Any]]], str]:
    named = {name: vector for name, vector in wanted.items() if vector is not None}
    try:
        found = nearest_tokens(
            model, np.stack(list(named.values())), k=_NEIGHBOURS, cancelled=cancelled
        )
    except CancelledError:
        raise
    except MechwidgetError as error:
        return {}, error.message
    told = {
        name: [
            {"id": int(token), "text": model.token_text(int(token)), "cosine": float(cosine)}
            for token, cosine in zip(found.ids[row], found.cosines[row], strict=True)
            if token >= 0
        ]
        for row, name in enumerate(named)
    }
    return told, ""


def _strips(rows: npt.NDArray[np.float32]) -> Frame:
    """`[row, column]`: of numbers that share a column, the largest in size."""
    width = rows.shape[-1]
    if width <= _STRIP:
        return encode(rows, "f16")
    edges = np.arange(_STRIP + 1) * width // _STRIP
    parts = [rows[:, a:b] for a, b in pairwise(edges)]
    picked = [
        np.take_along_axis(part, np.abs(part).argmax(-1)[:, None], -1)[:, 0] for part in parts
    ]
    return encode(np.stack(picked, -1), "f16")


def _encoding_answer(found: PositionEncoding) -> Answer:
    frames: list[Frame] = []
    vectors = None
    if found.vectors is not None:
        every = _every(len(found.vectors.cosines))
        vectors = {
            "module": found.vectors.module,
            "learned": found.vectors.learned,
            "every": every,
        }
        frames.append(encode(found.vectors.cosines[::every, ::every], "f16"))
    about = {
        "reason": found.reason,
        "vectors": vectors,
        "rotary": [_rotary_json(one) for one in found.rotary],
        "relative": [_relative_json(one) for one in found.relative],
    }
    for one in found.rotary:
        frames.append(encode(one.angles[:: _every(len(one.angles))].T, "f16"))
        frames.append(encode(one.inverse_frequencies))
    biases = (one.bias[:, :: _every(one.bias.shape[1])] for one in found.relative)
    return about, *frames, *(encode(bias, "f16") for bias in biases)


def _rotary_json(one: Rotary) -> dict[str, Any]:
    return {
        "module": one.module,
        "layers": list(one.layers),
        "scaling": one.scaling,
        "pairing": one.pairing,
        "first": one.first,
        "width": one.width,
        "d_head": one.d_head,
        "error": None if np.isnan(one.error) else one.error,
        "named": one.named,
        "every": _every(len(one.angles)),
    }


def _relative_json(one: RelativeBias) -> dict[str, Any]:
    every = _every(len(one.distances))
    return {
        "module": one.module,
        "layers": list(one.layers),
        "distances": one.distances[::every].tolist(),
        "slopes": None if one.slopes is None else one.slopes.tolist(),
    }


def _every(n: int) -> int:
    """Of so many positions, every which is shown."""
    return -(-n // MOST_POSITIONS)


def _encoding_bytes(found: PositionEncoding) -> int:
    arrays = [one.angles for one in found.rotary] + [one.bias for one in found.relative]
    if found.vectors is not None:
        arrays += [found.vectors.vectors, found.vectors.cosines]
    return 1000 + sum(each.nbytes for each in arrays)
