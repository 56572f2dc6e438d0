"""The circuits of one head from token to token: whom it wants to attend to, and what it then says.

QK: the score of a query token for a key token, x̂_q W_Q · (x̂_k W_K - the mean of all keys), with
b_Q, times the model's own scale. Taking a query's mean over all keys away changes no softmax. OV:
what a head that attends to a source token adds to each logit, x̂_s W_V W_O W_U less its mean over
all logits, which changes no probability; biases, the same for every source, are not in it. x̂ is
the token's embedding alone through the norm before the heads; the final norm divides by 1 here and
by a number that a prompt decides there (Elhage et al. 2021, "A Mathematical Framework for
Transformer Circuits"). Positions that are learned or added to scores are left out; rotary ones are
those of a query `distance` positions after its key.

Nothing of the size of the vocabulary squared is made: both circuits are products of two tables
`[token, d_head]`. The largest entries are found block by block, those first that could be largest,
until no other block can hold one of them: exact, and mostly soon.

In: a hooked model, a head. Out: `HeadCircuit`, which is asked for tokens and for pairs of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from mechwidget.analysis.attention_probe import read_attention
from mechwidget.analysis.copying import copying_score
from mechwidget.analysis.head_maps import head_maps
from mechwidget.analysis.largest_products import largest_products
from mechwidget.analysis.vocabulary_ends import tokens_in, tokens_out
from mechwidget.errors import CancelledError, MechwidgetError, UnsupportedModelError
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis.attention_probe import AttentionReading
    from mechwidget.analysis.head_maps import HeadMaps
    from mechwidget.analysis.vocabulary_ends import TokensOut
    from mechwidget.interventions import Head
    from mechwidget.models import HookedModel

Circuit = Literal["qk", "ov"]
CIRCUITS: tuple[Circuit, ...] = ("qk", "ov")
Part = Literal["q", "k", "v"]
MOST_DISTANCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Tokens and their numbers, the first the one that was asked for most.

    Attributes:
        ids: int64 `[k]`.
        values: float32 `[k]`.
    """

    ids: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TokenCircuit:
    """What the circuits of a head say of one token.

    Attributes:
        token: its id.
        keys: the tokens that it attends to as a query, by score; None without a QK circuit.
        queries: the tokens that attend to it as a key, by score.
        raised: the tokens whose logits it raises as a source; None without an OV circuit.
        suppressed: those that it lowers, the lowest first.
    """

    token: int
    keys: Ranked | None
    queries: Ranked | None
    raised: Ranked | None
    suppressed: Ranked | None


@dataclass(frozen=True, slots=True, eq=False)
class TokenPairs:
    """The pairs of tokens with the largest entries of a circuit.

    Attributes:
        first: int64 `[k]`: query tokens of QK, source tokens of OV.
        second: int64 `[k]`: key tokens of QK, output tokens of OV.
        values: float32 `[k]`, the largest first (the lowest, where those were asked for).
        looked_at: how many pairs there are in all.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    looked_at: int


class HeadCircuit:
    """The QK and OV circuit of one head.

    Args:
        model: whose.
        head: which, to its own stack.
        distance: how many positions the query stands after its key; matters with rotary positions.
        among: the ids that circuits are restricted to; None is every token.
        maps: of the head's layer, where they are known already.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        ComponentError: there is no such head.
        UnsupportedModelError: no path leads from tokens through this head; the message says why.
        MechwidgetError: weights that are no finite numbers, or a distance that cannot be.
    """

    def __init__(
        self,
        model: HookedModel,
        head: Head,
        *,
        distance: int = 0,
        among: Sequence[int] | None = None,
        maps: HeadMaps | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        require_circuit(model, head, distance)
        self.model, self.head, self.distance = model, head, distance
        self._cancelled = cancelled
        self.maps = maps or head_maps(model, head.layer, distance=distance, cancelled=cancelled)
        self._twin = make_twin(model.model)
        self._in = tokens_in(model, self._twin)
        self._out: TokensOut | None = None
        self.ov_reason = ""
        try:
            self._out = tokens_out(model, self._twin, cancelled)
        except UnsupportedModelError as error:
            self.ov_reason = error.message
        most = self._in.n_tokens
        most = most if self._out is None else min(most, self._out.vocab_size)
        self._among = None if among is None else _checked(among, most)

    @property
    def qk_reason(self) -> str:
        """Why there is no QK circuit; empty where there is one."""
        return "" if self.maps.shown else self.maps.qk_reason

    @property
    def n_tokens(self) -> int:
        """How many tokens queries, keys and sources are looked for among."""
        return self._in.n_tokens if self._among is None else len(self._among)

    def token(
        self, token: int, k: int = 10, cancelled: Callable[[], bool] | None = None
    ) -> TokenCircuit:
        """What both circuits say of one token.

        Args:
            token: its id.
            k: how many tokens of each kind.
            cancelled: as above.
        """
        self._cancelled = cancelled
        ids = torch.tensor([_within(token, self._in.n_tokens)])
        keys = queries = raised = suppressed = None
        if not self.qk_reason:
            keys = self._ranked(self._keys @ self._table("q", ids)[0], k)
            key = self._table("k", ids)[0] - self._mean_key
            queries = self._ranked(self._queries @ key, k)
        if self._out is not None:
            moved = self._table("v", ids)[0]
            logits = self._outputs @ moved.to(self._outputs.device)
            raised = self._ranked(logits, k)
            suppressed = self._ranked(logits, k, lowest=True)
        return TokenCircuit(token, keys, queries, raised, suppressed)

    def pairs(
        self,
        circuit: Circuit,
        k: int = 20,
        *,
        lowest: bool = False,
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> TokenPairs:
        """The largest entries of a circuit, exact over all pairs of tokens.

        Args:
            circuit: "qk" or "ov".
            k: how many.
            lowest: the lowest entries instead.
            cancelled: as above, and between blocks.
            progress: called with (blocks done, blocks at most).

        Raises:
            UnsupportedModelError: the head has no such circuit.
        """
        self._cancelled = cancelled
        left, right = self._sides(circuit)
        sign = -1.0 if lowest else 1.0
        rows, columns, values = largest_products(
            sign * left, right, k, cancelled=cancelled, progress=progress
        )
        return TokenPairs(
            self._ids(rows),
            self._ids(columns),
            (sign * values).cpu().numpy().astype(np.float32),
            len(left) * len(right),
        )

    def copying(self) -> float:
        """The eigenvalue score of the OV circuit (see `copying`); nan without a linear one."""
        v = self.maps.v
        if self._out is None or v is None:
            return float("nan")
        w_v = v.weight[self.head.head]
        known = min(self._in.n_tokens, self._out.vocab_size)
        said = self._said
        total = torch.zeros(len(said), len(said), device=said.device)
        for ids in self._in.blocks(torch.arange(known)):
            _stop_if(self._cancelled)
            moved = self._in.of(ids).to(w_v.device) @ w_v
            total += said[:, ids.to(said.device)] @ moved.to(said.device)
        return copying_score(total)

    def _sides(self, circuit: Circuit) -> tuple[torch.Tensor, torch.Tensor]:
        if circuit not in CIRCUITS:
            raise MechwidgetError(f"circuit is {circuit!r}; expected 'qk' or 'ov'.")
        reason = self.qk_reason if circuit == "qk" else self.ov_reason
        if reason:
            raise UnsupportedModelError(
                f"Head {self.head.layer}.{self.head.head} has no {circuit.upper()} circuit: "
                f"{reason}"
            )
        if circuit == "qk":
            return self._queries, self._keys
        moved = self._whole("v")
        return moved, self._outputs.to(moved.device)  # layers may be on several devices

    @cached_property
    def _queries(self) -> torch.Tensor:
        return self._whole("q")

    @cached_property
    def _raw_keys(self) -> torch.Tensor:
        return self._whole("k")

    @cached_property
    def _mean_key(self) -> torch.Tensor:
        return self._raw_keys.mean(0)

    @cached_property
    def _keys(self) -> torch.Tensor:
        return self._raw_keys - self._mean_key

    @cached_property
    def _said(self) -> torch.Tensor:
        """What each number of z says, `[d_head, vocab]`."""
        if self._out is None:
            raise UnsupportedModelError(self.ov_reason)
        return self._out.of(self.maps.o[self.head.head])

    @cached_property
    def _outputs(self) -> torch.Tensor:
        """`[output, d_head]`, less the mean over all outputs."""
        said = self._said - self._said.mean(-1, keepdim=True)
        known = torch.arange(said.shape[-1]) if self._among is None else self._among
        return said[:, known.to(said.device)].T.contiguous()

    def _whole(self, part: Part) -> torch.Tensor:
        """One part of every token, `[token, d_head]`."""
        return torch.cat([self._table(part, ids) for ids in self._in.blocks(self._among)])

    def _table(self, part: Part, ids: torch.Tensor) -> torch.Tensor:
        """The scaled q, the k, or the v without bias of some tokens: `[token, d_head]`."""
        _stop_if(self._cancelled)
        maps, head = self.maps, self.head.head
        affine = {"q": maps.q, "k": maps.k, "v": maps.v}[part]
        embedded = self._in.of(ids)
        if affine is None:
            found = self._read(part, embedded)
            nothing = self._read(part, torch.zeros_like(embedded[:1])) if part == "v" else 0
            found = found - nothing
        else:
            there = affine.weight.device
            found = maps.norm.of(embedded.to(there)).to(there) @ affine.weight[head]
            found = found if part == "v" else found + affine.bias[head]
        return found * maps.scale[head] if part == "q" and maps.scale is not None else found

    def _read(self, part: Part, streams: torch.Tensor) -> torch.Tensor:
        """The same where it is no linear map: asked of the model, stream by stream."""
        reading: AttentionReading = read_attention(
            self.model,
            [self.head.layer],
            streams,
            distance=self.distance,
            values_only=part == "v",
            cancelled=self._cancelled,
        )[self.head.layer]
        found: torch.Tensor = getattr(reading, part)
        return found[:, self.head.head]

    def _ranked(self, values: torch.Tensor, k: int, *, lowest: bool = False) -> Ranked:
        top, index = values.topk(min(k, len(values)), largest=not lowest)
        return Ranked(self._ids(index), top.cpu().numpy().astype(np.float32))

    def _ids(self, index: torch.Tensor) -> npt.NDArray[np.int64]:
        index = index.cpu()
        found = index if self._among is None else self._among[index]
        return found.numpy().astype(np.int64)


def require_circuit(model: HookedModel, head: Head, distance: int = 0) -> None:
    """Refuse what has no circuits from token to token.

    Raises:
        ComponentError: there is no such head.
        UnsupportedModelError: it attends to another stack, or the model has several, or no ids.
        MechwidgetError: the distance is no number of positions that the model has.
    """
    head.check(model)
    if head.cross:
        raise UnsupportedModelError(
            f"Head {head.layer}.{head.head} attends to another stack: its keys are no tokens of "
            "the stream that it writes to, so no circuit leads from token to token."
        )
    if len(model.stacks) > 1 or model.ledger.n_tokens == 0:
        raise UnsupportedModelError(
            f"{model.name} does not read tokens in one stack: no circuit of it leads from token "
            "to token."
        )
    most = min(MOST_DISTANCE, (model.max_positions or MOST_DISTANCE + 1) - 1)
    if type(distance) is not int or not 0 <= distance <= most:
        raise MechwidgetError(
            f"distance is {distance!r}; expected a whole number from 0 to {most}."
        )


def _within(token: int, n_tokens: int) -> int:
    if type(token) is not int or not 0 <= token < n_tokens:
        raise MechwidgetError(f"There is no token {token!r}: the model has 0 to {n_tokens - 1}.")
    return token


def _checked(among: Sequence[int], n_tokens: int) -> torch.Tensor:
    if len(among) == 0:
        raise MechwidgetError("There are no tokens to look among.", "Give ids, or None for all.")
    return torch.tensor([_within(int(token), n_tokens) for token in dict.fromkeys(among)])


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError("The circuits were cancelled.")
