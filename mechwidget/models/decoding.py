"""Decoding: the calls of one twin that turn a growing text into logits, edits included.

The twin and its hooks are made once; each call edits the positions that it computes. With a cache
these are the tokens since the last call, without one the whole text. A decoder belongs to its
interventions: other ones need another decoder, and so another cache.

In: a model, its timed interventions, and the text of each row. Out: logits of the last position.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.models.budget import ran_out
from mechwidget.models.cached_calls import CachedCalls, takes_cache
from mechwidget.models.calling import call_model
from mechwidget.models.hooks import hook_cancel, hook_positions, hook_sites
from mechwidget.models.norms import hook_norms
from mechwidget.models.other_runs import read_sources
from mechwidget.models.rows import RowTraffic
from mechwidget.models.sites import Site, missing_site
from mechwidget.models.taps import tap_attention
from mechwidget.models.traffic import Fired, Traffic
from mechwidget.models.twin import make_twin
from mechwidget.models.window import Window
from mechwidget.models.windowed import edits_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mechwidget.models.bindings import Binding
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.windowed import Timed

_PROOF = 8  # tokens
_CACHED = 2  # of them, those that are computed with the cache of the others
_ROUNDING = {torch.float16: 0.05, torch.bfloat16: 0.05}
_FAILURES = (TypeError, ValueError, LookupError, AttributeError, RuntimeError, MechwidgetError)


class Decoder:
    """One batch: the rows of a text under one list of interventions.

    Attributes:
        explicit: whether attention is computed by ours, because a site inside it is edited.
    """

    def __init__(
        self,
        model: HookedModel,
        bindings: Mapping[Site, Binding],
        traffic: Traffic,
        tokens: Tokens,
        whole: Window,
        some: Sequence[Timed] = (),
        *,
        cached: bool,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        twin = make_twin(model.model)
        self._model, self._some, self._traffic, self._cancelled = model, some, traffic, cancelled
        self.explicit = tap_attention(twin, bindings, model.ledger, traffic)
        hook_norms(twin, bindings, traffic)
        hook_sites(twin, bindings, model.ledger, traffic)
        if cancelled is not None:
            hook_cancel(twin, model.ledger, cancelled)
        if model.ledger.unembed is not None and not model.ledger.coupled:
            hook_positions(twin, model.ledger.unembed, [-1])
        self._twin, self._tokens = twin, tokens
        self._cached = CachedCalls(twin) if cached else None
        self._whole, self._fed = whole, 0

    def step(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Logits `[row, vocab]` of the token that follows the text of each row."""
        if self._cancelled is not None and self._cancelled():
            raise CancelledError("The generation was cancelled.")
        length = len(rows[0])
        start = self._fed if self._cached is not None else 0
        window = replace(self._whole, start=start, stop=length)
        traffic = self._traffic
        edited = traffic.variants[0] if isinstance(traffic, RowTraffic) else traffic
        keys = length if start else 0
        edits = edits_in(self._some, self._model, window)
        edited.next_pass(edits, (1, len(window)), keys)
        if edited is not traffic:
            traffic.next_pass((), (len(rows), len(window)), keys)
        logits = self._logits(rows, start)
        self._fed = length
        return traffic.pass_on(Site("logits"), logits[:, -1:])[:, -1]

    def _logits(self, rows: Sequence[Sequence[int]], start: int) -> torch.Tensor:
        if self._cached is None:
            (row,) = rows
            return call_model(self._model.source, self._twin, _text_of(self._tokens, row))
        return self._cached(torch.tensor([r[start:] for r in rows], device=self._model.device))

    @property
    def cache(self) -> Any:
        """The model's own cache as it is now; None where there is none."""
        return None if self._cached is None else self._cached.cache

    def fired(self) -> tuple[Fired, ...]:
        """What each edit did in the last step."""
        traffic = self._traffic
        return (traffic.variants[0] if isinstance(traffic, RowTraffic) else traffic).fired()


def traffic_of(
    model: HookedModel,
    bindings: Mapping[Site, Binding],
    some: Sequence[Timed],
    tokens: Tokens,
    whole: Window,
    cancelled: Callable[[], bool] | None,
) -> Traffic:
    """The traffic that hooks are made for: every site that is edited somewhere in the text."""
    traffic = Traffic(edits_in(some, model, whole), frozenset(), (1, len(tokens)))
    for site in traffic.sites - bindings.keys():
        raise missing_site(site, model.sites)
    read_sources(model, [traffic], tokens, cancelled)
    return traffic


def why_no_cache(
    model: HookedModel,
    bindings: Mapping[Site, Binding],
    some: Sequence[Timed],
    tokens: Tokens,
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """Why the text has to be recomputed for every token; empty where a cache gives the same."""
    for one in some:
        if not one.takes_windows:
            return f"{type(one.intervention).__name__} has no edits for a part of the text"
    if tokens.encoder is not None:
        return "the model has two stacks"
    if model.ledger.coupled:
        return "the numbers of a token depend on which others are computed with it"
    if not takes_cache(model.source, model.model):
        return "the model's forward makes no cache"
    if not _proved(model, bindings, tokens, cancelled, rows=1):
        return "the model's cache does not give what recomputing gives"
    return ""


def rows_agree(
    model: HookedModel,
    bindings: Mapping[Site, Binding],
    tokens: Tokens,
    cancelled: Callable[[], bool] | None = None,
    *,
    cached: bool,
) -> bool:
    """Whether two texts in one batch get what each gets alone."""
    return cached and _proved(model, bindings, tokens, cancelled, rows=2)


def _proved(
    model: HookedModel,
    bindings: Mapping[Site, Binding],
    tokens: Tokens,
    cancelled: Callable[[], bool] | None,
    *,
    rows: int,
) -> bool:
    """Whether a batch, decoded token by token, gives the logits of each row computed at once.

    It is tried once per model, on a few tokens.
    """
    most = min(_PROOF, model.max_positions or _PROOF)
    text = [tokens.ids[i % len(tokens)] for i in range(most)]
    texts = [text, text[::-1]][:rows]

    def proof() -> bool:
        traffic = Traffic((), frozenset(), (rows, most))
        try:
            whole = Window(0, 0, most, most)
            decoder = Decoder(
                model, bindings, traffic, tokens, whole, cached=True, cancelled=cancelled
            )
            stops = range(max(most - _CACHED, 1), most + 1)
            steps = [decoder.step([each[:stop] for each in texts]) for stop in stops]
            twin = make_twin(model.model)
            if cancelled is not None:
                hook_cancel(twin, model.ledger, cancelled)
            for row, each in enumerate(texts):
                alone = call_model(model.source, twin, _text_of(tokens, each))[0]
                for stop, logits in zip(stops, steps, strict=True):
                    if not _same(logits[row], alone[stop - 1]):
                        return False
        except _FAILURES as error:
            if isinstance(error, CancelledError) or ran_out(error):
                raise
            return False
        return True

    return model.baselines.proved("cached rows", rows, proof)


def _text_of(tokens: Tokens, ids: Sequence[int]) -> Tokens:
    """The same prompt with another text, of which only the ids count."""
    n = len(ids)
    return replace(tokens, ids=tuple(ids), texts=("",) * n, special=(False,) * n)


def _same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    apart = float((found - expected).float().abs().max())
    return apart <= _ROUNDING.get(expected.dtype, 1e-3) * (1 + float(expected.float().abs().max()))
