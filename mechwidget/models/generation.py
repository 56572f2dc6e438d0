"""Generation: tokens one after another under interventions, as they come.

In: a model, a prompt, interventions and how to sample. Out: a `Generation`, an iterator of `Step`s
with their logits. Between two steps it holds no lock, so that others can use the model; a step
sees the weights as they are then, and the model's hooks and modules as they were at the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import torch

from mechwidget.errors import CancelledError, InterventionError
from mechwidget.models.decoding import Decoder, rows_agree, traffic_of, why_no_cache
from mechwidget.models.rows import RowTraffic
from mechwidget.models.sampling import probability
from mechwidget.models.traffic import Traffic
from mechwidget.models.window import Window
from mechwidget.models.windowed import Timed, check_timed, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mechwidget.models.bindings import Binding
    from mechwidget.models.edit import Intervention
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.sampling import Sampling
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.traffic import Fired
    from mechwidget.models.window import When


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One token.

    Attributes:
        position: its place in the text, counted from the first token of the prompt.
        id: the token.
        text: what it stands for.
        probability: what the model gives it, whatever temperature and top_p make of that.
        logits: `[vocab]`, those that it was chosen from.
        fired: what each edit did to the positions that were computed for it.
        ended: beside a baseline, True once this row is over; the token is then the one that ended
            it, and no more is chosen.
        baseline: the same step of the model without interventions, where that was asked for.
    """

    position: int
    id: int
    text: str
    probability: float
    logits: torch.Tensor
    fired: tuple[Fired, ...] = ()
    ended: bool = False
    baseline: Step | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a generation ends.

    Attributes:
        new_tokens: how many tokens at most.
        stop_tokens: those that end a text; they are the last of it.
        context: the most tokens that the model can read; None where it does not say.
    """

    new_tokens: int
    stop_tokens: frozenset[int]
    context: int | None

    def why(self, n_new: int, n_text: int, *, stopped: bool) -> str:
        """Why no token follows a text of `n_text` tokens; empty if one does."""
        if stopped:
            return "end of text"
        if n_new >= self.new_tokens:
            return "max_new_tokens"
        if self.context is not None and n_text > self.context:
            return f"the model's context of {self.context:,} tokens is full"
        return ""


class Generation(Iterator[Step]):
    """The tokens that follow a prompt, made when they are asked for.

    It can be left at any time: `close()`, the end of a `with`, or letting go of it frees the cache
    and everything else it holds.

    Attributes:
        tokens: the prompt.
        recomputes: why the whole text is computed again for every token; empty where the model's
            own cache is used, and before the first token.
        attention: "own" or "explicit", as in `Run`; the same for both rows.
        ended: why no more tokens come: "end of text", "max_new_tokens", that the context is full,
            "cancelled", "closed" or "failed"; empty while they do.
        divergence: beside a baseline, the first position at which the two texts differ.
    """

    def __init__(
        self,
        model: HookedModel,
        bindings: Mapping[Site, Binding],
        tokens: Tokens,
        some: tuple[Timed, ...],
        sampling: Sampling,
        limits: Limits,
        *,
        beside_baseline: bool,
        cache: bool,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self.tokens = tokens
        self.recomputes = "" if cache else "cache is off"
        self.ended, self.attention, self.divergence = "", "own", None
        self._model, self._bindings, self._cancelled = model, bindings, cancelled
        self._some, self._sampling, self._limits = some, sampling, limits
        self._draws, self._cache = sampling.draws(), cache
        self._rows = [list(tokens.ids) for _ in range(2 if beside_baseline else 1)]
        self._over = [False] * len(self._rows)
        self._decoders: list[Decoder] = []
        n, context = len(tokens), limits.context
        last = n + max(limits.new_tokens, 1) - 1  # the last token is not read again
        last = last if context is None else min(last, context)
        self._whole = Window(n, 0, last, last)
        check_timed(some, model, self._whole)
        if not limits.new_tokens:
            self._end("max_new_tokens")

    divergence: int | None

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens so far, without the prompt."""
        return tuple(self._rows[-1][len(self.tokens) :])

    @property
    def text(self) -> str:
        """What the tokens so far stand for."""
        return "".join(map(self._model.token_text, self.ids))

    def change(
        self, interventions: Sequence[Intervention], on: When | Sequence[When] = "both"
    ) -> None:
        """Go on under other interventions, which also act on the text so far.

        The next step reads the whole text again: what a cache holds was made under the
        interventions before, and is never used under others.
        """
        some = timed(interventions, on, self._model, self.tokens)
        check_timed(some, self._model, self._whole)
        self._some = some
        self._decoders.clear()

    def resume(self) -> None:
        """Go on after it was cancelled in the middle of a step, from the text so far.

        The next step reads the whole text again: half of a token is in the cache.
        """
        if self.ended == "cancelled":
            self.ended = ""

    def close(self) -> None:
        """End it, and free what it holds."""
        self._end(self.ended or "closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __next__(self) -> Step:
        if self.ended:
            raise StopIteration
        try:
            with self._model.lock:
                if not self._decoders:
                    self._start()
                logits = torch.cat([d.step(r) for d, r in self._batches()])
                fired = self._decoders[-1].fired()
            return self._chosen(logits, fired)
        except BaseException as error:
            self._end("cancelled" if isinstance(error, CancelledError) else "failed")
            raise

    def _start(self) -> None:
        """Make a decoder for both rows, or one for each where rows disturb one another."""
        model, bindings, tokens = self._model, self._bindings, self.tokens
        reason = (
            why_no_cache(model, bindings, self._some, tokens, self._cancelled)
            if self._cache
            else "cache is off"
        )
        self.recomputes, cached = reason, not reason
        edited = traffic_of(model, bindings, self._some, tokens, self._whole, self._cancelled)
        traffics = [edited]
        if len(self._rows) > 1:
            together = rows_agree(model, bindings, tokens, self._cancelled, cached=cached)
            taps = [site for site in edited.sites if bindings[site].end == "tap"]
            alone = Traffic((), frozenset(taps[:1]), edited.shape)  # attention as the other has it
            traffics = [RowTraffic([edited], frozenset())] if together else [alone, edited]
        self._decoders = [
            Decoder(
                model,
                bindings,
                traffic,
                tokens,
                self._whole,
                () if traffic is not traffics[-1] else self._some,
                cached=cached,
                cancelled=self._cancelled,
            )
            for traffic in traffics
        ]
        self.attention = "explicit" if self._decoders[-1].explicit else "own"

    def _batches(self) -> Iterator[tuple[Decoder, list[list[int]]]]:
        one_each = len(self._decoders) > 1
        for index, decoder in enumerate(self._decoders):
            yield decoder, [self._rows[index]] if one_each else self._rows

    def _chosen(self, logits: torch.Tensor, fired: tuple[Fired, ...]) -> Step:
        """The step that `logits[row, vocab]` lead to."""
        uniform = self._draws.next()
        steps = [self._row(row, logits[row], uniform) for row in range(len(self._rows))]
        if len(steps) > 1 and self.divergence is None and steps[0].id != steps[1].id:
            self.divergence = steps[1].position
        reasons = [
            self._limits.why(len(row) - len(self.tokens), len(row), stopped=over)
            for row, over in zip(self._rows, self._over, strict=True)
        ]
        if all(reasons):
            self._end(reasons[-1])
        baseline = steps[0] if len(steps) > 1 else None
        return replace(steps[-1], fired=fired, baseline=baseline)

    def _row(self, row: int, logits: torch.Tensor, uniform: float) -> Step:
        text, over = self._rows[row], self._over[row]
        position = len(text)
        token = text[-1] if over else self._sampling.choose(logits, uniform)
        likely = 1.0 if over else probability(logits, token)
        if likely != likely:  # nan: there is no most likely token either
            raise InterventionError(
                f"The logits for position {position} are not numbers, so that no token can be "
                "chosen.",
                "An intervention may be too large for this dtype; or the model's own run has nan.",
            )
        text.append(token)
        self._over[row] = over or token in self._limits.stop_tokens
        shown = "" if over else self._model.token_text(token)
        return Step(position, token, shown, likely, logits, ended=over)

    def _end(self, why: str) -> None:
        self.ended = why
        self._decoders.clear()
