"""The continuation: what the model goes on to write, under the edits of a session and without them.

In flow a state and how to sample; out flows a job that generates token by token on the worker's
thread. Between two tokens, and between two blocks of one, it makes way for clicks and for what
views fetch, and then goes on from the text so far. At its end, however it ends, the caches of keys
and values are gone.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.errors import CancelledError
from mechwidget.session.job import Job, Priority, Steps
from mechwidget.session.remembered import Remembered

if TYPE_CHECKING:
    import torch

    from mechwidget.models import Generation, HookedModel
    from mechwidget.models.generation import Step
    from mechwidget.models.window import When
    from mechwidget.session.state import State
    from mechwidget.session.worker import Worker

ALTERNATIVES = 5
"""Of every step, how many of the most likely tokens are kept beside the chosen one."""

_SECONDS_BETWEEN_REPORTS = 0.05
_BYTES_KEPT = 8 * 2**20
_BYTES_OF_A_TOKEN = 1024


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a continuation is drawn.

    Attributes:
        new_tokens: how many tokens at most.
        temperature: what logits are divided by; 0 takes the most likely token.
        top_p: the least probability that the tokens which are drawn from have together.
        seed: the same seed gives the same tokens, in both rows.
        on: whether interventions act on "prompt" tokens, "generated" ones or "both".
    """

    new_tokens: int = 20
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    on: When = "both"


@dataclass(frozen=True, slots=True)
class Likely:
    """A token and its probability, before temperature and top_p."""

    id: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Written(Likely):
    """A token of a continuation.

    Attributes:
        likely: the most likely tokens there, the largest first; where the rows still agree, also
            those that are most likely in the other row.
        beside: what the other row gives this token; None where the rows have parted before, so
            that it speaks of another text.
    """

    likely: tuple[Likely, ...] = ()
    beside: float | None = None


@dataclass(frozen=True, slots=True)
class Continuation:
    """What was written after a prompt.

    Attributes:
        baseline: without interventions.
        edited: under them; None where none is on.
        divergence: the first place, counted from 0, at which the two differ; None while they agree.
        ended: why no more follow: "end of text", "max_new_tokens", that the context is full;
            empty while they do.
        recomputes: why the whole text is computed again for every token; empty with a cache.
        seconds: from the first token to the last, what it made way for included.
    """

    baseline: tuple[Written, ...]
    edited: tuple[Written, ...] | None
    divergence: int | None = None
    ended: str = ""
    recomputes: str = ""
    seconds: float = 0.0

    def __len__(self) -> int:
        return max(len(self.baseline), len(self.edited or ()))

    @property
    def text(self) -> str:
        """What is written under the interventions that are on."""
        return _text(self.baseline if self.edited is None else self.edited)

    @property
    def baseline_text(self) -> str:
        """What is written without any."""
        return _text(self.baseline)

    @property
    def tokens_per_second(self) -> float | None:
        """How fast they came after the first one; None for less than two."""
        steps = len(self) - 1
        return steps / self.seconds if steps > 0 and self.seconds > 0 else None


Report = Callable[[Continuation], object]


class Continuations:
    """The continuations of one session: asked for here, the last ones remembered."""

    def __init__(self, model: HookedModel, worker: Worker) -> None:
        self._model = model
        self._worker = worker
        self._jobs: weakref.WeakSet[Job[Continuation]] = weakref.WeakSet()
        self._recent: Remembered[Continuation] = Remembered(model, _BYTES_KEPT)

    def write(
        self, state: State, sampling: Sampling, report: Report | None = None
    ) -> Job[Continuation]:
        """Go on writing after the prompt of `state`, with its interventions beside none.

        Args:
            state: whose prompt and interventions.
            sampling: how tokens are chosen, and how many.
            report: called on the worker's thread with what is written so far.
        """
        job = Job[Continuation](
            lambda job: self._steps(job, state, sampling, report), Priority.STREAM
        )
        self._jobs.add(job)
        return self._worker.submit(job)

    def close(self) -> None:
        """Cancel what is under way."""
        for job in list(self._jobs):
            job.cancel()

    def _steps(
        self, job: Job[Continuation], state: State, sampling: Sampling, report: Report | None
    ) -> Steps[Continuation]:
        key = (state.tokens, state.active, sampling)
        version = self._look()
        known = self._recent.get(key)
        if known is not None:
            return known
        generation = self._model.generate(
            state.tokens,
            state.active,
            sampling.new_tokens,
            sampling.temperature,
            sampling.top_p,
            sampling.seed,
            on=sampling.on,
            beside_baseline=bool(state.active),
            cancelled=job.should_stop,
        )
        page = _Page(self._model, beside=bool(state.active))
        with generation:
            while True:
                step = yield from _next(job, generation)
                if step is None:
                    break
                page.add(step)
                if report is not None:
                    page.report(report, generation)
                yield  # whatever is more urgent goes first
        written = page.now(generation)
        if version is not None and self._look() == version:
            self._recent.keep(key, written, len(written) * _BYTES_OF_A_TOKEN)
        return written

    def _look(self) -> int | None:
        """The version of the model; what another one wrote is forgotten."""
        with self._recent.as_it_is() as version:
            return version


def _next(job: Job[Continuation], generation: Generation) -> Steps[Step | None]:
    """The next step; begun again where it had to make way half-way through."""
    while True:
        with suppress(CancelledError):  # its frames hold the cache: nobody is to keep them
            return next(generation, None)
        if job.cancelled():
            raise CancelledError("The continuation was cancelled.")
        generation.resume()
        yield


class _Page:
    """What has been written so far."""

    def __init__(self, model: HookedModel, *, beside: bool) -> None:
        self._model = model
        self._beside = beside
        self._baseline: list[Written] = []
        self._edited: list[Written] = []
        self._divergence: int | None = None
        self._began: float | None = None
        self._seconds = 0.0
        self._next_report = 0.0

    def add(self, step: Step) -> None:
        """Write down one step of both rows."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        self._seconds = now - self._began
        baseline = step if step.baseline is None else step.baseline
        agreed = self._divergence is None
        if self._beside and agreed and (step.id, step.ended) != (baseline.id, baseline.ended):
            self._divergence = max(len(self._baseline), len(self._edited))
        before, after = _shares(baseline), _shares(step)
        # While the texts agree, what is likely in one row is told of both.
        both = _best(before) | _best(after) if self._beside and agreed else set()
        beside = agreed and self._beside
        self._write(self._baseline, baseline, before, both, after if beside else None)
        if self._beside:
            self._write(self._edited, step, after, both, before if beside else None)

    def report(self, report: Report, generation: Generation) -> None:
        """Tell what is written so far, unless that was done just now."""
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + _SECONDS_BETWEEN_REPORTS
            report(self.now(generation))

    def now(self, generation: Generation) -> Continuation:
        """All of it, as a value."""
        return Continuation(
            tuple(self._baseline),
            tuple(self._edited) if self._beside else None,
            self._divergence,
            generation.ended,
            generation.recomputes,
            self._seconds,
        )

    def _write(
        self,
        row: list[Written],
        step: Step,
        own: torch.Tensor,
        others: set[int],
        beside: torch.Tensor | None,
    ) -> None:
        if step.ended:
            return
        ids = sorted(_best(own) | others, key=lambda i: -float(own[i]))
        likely = tuple(Likely(i, self._model.token_text(i), float(own[i])) for i in ids)
        given = None if beside is None else float(beside[step.id])
        row.append(Written(step.id, step.text, step.probability, likely, given))


def _shares(step: Step) -> torch.Tensor:
    return step.logits.detach().float().softmax(-1).cpu()  # looked up one by one


def _best(shares: torch.Tensor) -> set[int]:
    return set(shares.topk(min(ALTERNATIVES, len(shares))).indices.tolist())


def _text(row: tuple[Written, ...]) -> str:
    return "".join(token.text for token in row)
