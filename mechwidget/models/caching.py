"""The model's own cache at the end of a text, as a generation under interventions would have it.

One stack: the calls are those of a generation, the prompt at once and then token by token. Two
stacks: one call of the model on both, where the cache of its attention to the other stack is too.

In: a model, a prompt, interventions, and the tokens that were generated after it. Out: the layers
of its cache, without interventions and, where there are some, with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import PromptError, UnsupportedModelError
from mechwidget.models.cache_layers import CacheLayer, cache_layers
from mechwidget.models.calling import logits_of
from mechwidget.models.decoding import Decoder, traffic_of, why_no_cache
from mechwidget.models.forward_pass import ForwardPass
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.other_runs import read_sources
from mechwidget.models.traffic import Traffic
from mechwidget.models.window import Window
from mechwidget.models.windowed import check_timed, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch import nn

    from mechwidget.models.bindings import Binding
    from mechwidget.models.edit import Intervention
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.prompts import Prompt
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.window import When
    from mechwidget.models.windowed import Timed

Layers = tuple[CacheLayer, ...]


def caches(  # noqa: D417 - a method of `HookedModel`
    self: HookedModel,
    prompt: Prompt,
    interventions: Sequence[Intervention] = (),
    generated: Sequence[int] = (),
    *,
    on: When = "both",
    cancelled: Callable[[], bool] | None = None,
) -> list[Layers]:
    """The cache once the last token was read: without interventions and, if there are any, with.

    Both are of the same text, and computed by the same attention function.

    Args:
        prompt: text, token ids, or `Tokens`.
        interventions: what to change, in this order.
        generated: the tokens that were generated after it, all of which are read.
        on: whether interventions act on "prompt" tokens, "generated" ones or "both".
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        UnsupportedModelError: the model makes no cache, or one that cannot be told apart.
        CancelledError: `cancelled()` became true.
    """
    tokens = self.tokenize(prompt)
    if not tokens.ids:
        raise UnsupportedModelError(f"{self.name} reads a signal at once: it keeps no cache.")
    with self.lock:
        if tokens.encoder is not None:
            if generated:
                raise UnsupportedModelError(
                    f"{self.name} has two stacks: its cache can be looked at where the prompt "
                    "ends only."
                )
            return _of_two_stacks(self, tokens, interventions, cancelled)
        some = timed(interventions, on, self, tokens)
        reason = why_no_cache(self, self._bindings, some, tokens, cancelled)
        if reason:
            raise UnsupportedModelError(
                f"{self.name} generates without a cache: {reason}.",
                "There is nothing to look at: every token is computed from the whole text.",
            )
        return _Text(self, self._bindings, tokens, some, generated, cancelled).caches()


class _Text:
    """A text that is read the way a generation reads it."""

    def __init__(
        self,
        model: HookedModel,
        bindings: Mapping[Site, Binding],
        tokens: Tokens,
        some: Sequence[Timed],
        generated: Sequence[int],
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._model, self._bindings, self._tokens = model, bindings, tokens
        self._some = tuple(some)
        self._ids, self._cancelled = [*tokens.ids, *generated], cancelled
        n, limit = len(self._ids), model.max_positions
        if limit is not None and n > limit:
            raise PromptError(f"The text has {n:,} tokens; this model's context is {limit:,}.")
        self._whole = Window(len(tokens), 0, n, n)
        check_timed(self._some, model, self._whole)

    def caches(self) -> list[Layers]:
        model, bindings, tokens = self._model, self._bindings, self._tokens
        edited = traffic_of(model, bindings, self._some, tokens, self._whole, self._cancelled)
        taps = [site for site in edited.sites if bindings[site].end == "tap"]
        plain = Traffic((), frozenset(taps[:1]), edited.shape)  # attention as the other has it
        return [self._read(plain, ()), *([self._read(edited, self._some)] if self._some else [])]

    def _read(self, traffic: Traffic, some: Sequence[Timed]) -> Layers:
        decoder = Decoder(
            self._model,
            self._bindings,
            traffic,
            self._tokens,
            self._whole,
            some,
            cached=True,
            cancelled=self._cancelled,
        )
        for stop in range(len(self._tokens), len(self._ids) + 1):
            decoder.step([self._ids[:stop]])
        return cache_layers(decoder.cache, len(self._ids))


class _Keeping:
    """Calls a model with its cache on, and keeps what it hands back."""

    def __init__(self, source: ForwardSource) -> None:
        self._source = source
        self.cache: Any = None

    def call(self, twin: nn.Module, tokens: Tokens, rows: int) -> torch.Tensor:
        """Logits of one forward pass."""
        output = self._source.output(twin, tokens, rows, use_cache=True)
        self.cache = getattr(output, "past_key_values", None)
        return logits_of(output)


def _of_two_stacks(
    self: HookedModel,
    tokens: Tokens,
    interventions: Sequence[Intervention],
    cancelled: Callable[[], bool] | None,
) -> list[Layers]:
    if not isinstance(self.source, ForwardSource) or tokens.encoder is None:
        raise UnsupportedModelError(f"{self.name} is called by a source that knows of no cache.")
    edited = self._traffic(tokens, interventions, (), [-1])
    read_sources(self, [edited], tokens, cancelled)
    taps = [site for site in edited.sites if self._bindings[site].end == "tap"]
    plain = Traffic((), frozenset(taps[:1]), edited.shape)  # attention as the other has it
    found = []
    for traffic in (plain, edited) if interventions else (plain,):
        keeping = _Keeping(self.source)
        run = ForwardPass(self.model, keeping, self.ledger, self._bindings)
        run.of(tokens, cancelled)(traffic, None, None)
        if keeping.cache is None:
            raise UnsupportedModelError(f"{self.name} makes no cache.")
        found.append(cache_layers(keeping.cache, len(tokens), len(tokens.encoder)))
    return found
