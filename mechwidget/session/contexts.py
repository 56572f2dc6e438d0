"""The contexts of neurons over a reference set, found in the background for a session's views.

In flow a reference set and a neuron; out flows a job. One pass serves every neuron of a layer.
What it has found stays, in memory and on disk, also when it was cancelled half-way, and the next
question goes on from there. Whatever is more urgent goes first between any two blocks.
"""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.analysis.contexts_on_disk import contexts_key, load_contexts, save_contexts
from mechwidget.analysis.layer_contexts import empty_contexts
from mechwidget.analysis.neuron_contexts import (
    MOST_TOKENS,
    LayerScan,
    NeuronContexts,
    contexts_of,
    cut_tokens,
)
from mechwidget.errors import MechwidgetError
from mechwidget.models.fingerprint import fingerprint
from mechwidget.session.job import Job, Priority, Steps
from mechwidget.session.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mechwidget.analysis import Corpus
    from mechwidget.analysis.layer_contexts import LayerContexts
    from mechwidget.analysis.neuron_contexts import AnyNeuron
    from mechwidget.models import HookedModel
    from mechwidget.session.worker import Worker

KEPT = 16
"""How many prompts are kept of each neuron, at either end."""

_BYTES_KEPT = 512 * 2**20
_PROMPTS_OF_A_DIGEST = 64


@dataclass(frozen=True, slots=True, eq=False)
class ContextsFound:
    """What is known of one neuron.

    Attributes:
        contexts: its prompts and counts.
        note: why the result is not kept on disk; empty where it is, or will be.
    """

    contexts: NeuronContexts
    note: str = ""


class Contexts:
    """The passes of one session, and what they have found."""

    def __init__(self, model: HookedModel, worker: Worker) -> None:
        self._model = model
        self._worker = worker
        self._jobs: weakref.WeakSet[Job[Any]] = weakref.WeakSet()
        self._layers: Remembered[LayerContexts] = Remembered(model, _BYTES_KEPT)
        self._fingerprint: str | None = None
        self._note = ""

    def find(
        self,
        corpus: Corpus,
        neuron: AnyNeuron,
        report: Callable[[ContextsFound], object] | None = None,
    ) -> Job[ContextsFound]:
        """The contexts of one neuron, once every prompt was looked at.

        Args:
            corpus: the reference set.
            neuron: one that the model has.
            report: called on the worker's thread after each step with what is known so far.

        Raises:
            ComponentError: the model has no such neuron.
        """
        neuron.check(self._model)
        known = self._layers.get((corpus.digest, neuron.layer))
        urgent = known is not None and known.complete
        job = Job[ContextsFound](
            lambda job: self._steps(job, corpus, neuron, report),
            Priority.FETCH if urgent else Priority.SWEEP,
        )
        self._jobs.add(job)
        return self._worker.submit(job)

    def close(self) -> None:
        """Cancel what is under way."""
        for job in list(self._jobs):
            job.cancel()

    def _steps(
        self,
        job: Job[ContextsFound],
        corpus: Corpus,
        neuron: AnyNeuron,
        report: Callable[[ContextsFound], object] | None,
    ) -> Steps[ContextsFound]:
        while True:
            version = self._look()
            found, key = self._begun(corpus, neuron.layer, version)
            scan, before = LayerScan(self._model, corpus, neuron.layer, found=found), found.looked
            try:
                while not scan.done and self._look() == version:
                    yield from job.uninterrupted(lambda scan=scan: scan.step(job.should_stop))  # type: ignore[misc]
                    if report is not None:
                        report(ContextsFound(self._one(corpus, found, neuron, None)))
                    yield
            finally:  # also when it was cancelled: what was done stays
                if found.looked > before and self._look() == version:
                    self._save(key, found)
            if self._look() == version:
                contexts = yield from job.uninterrupted(
                    lambda found=found: self._one(corpus, found, neuron, job.should_stop)  # type: ignore[misc]
                )
                return ContextsFound(contexts, self._note)

    def _one(
        self,
        corpus: Corpus,
        found: LayerContexts,
        neuron: AnyNeuron,
        cancelled: Callable[[], bool] | None,
    ) -> NeuronContexts:
        """One neuron of what was found; while the pass goes on, peaks without their prompts' rest.

        `cancelled` is None for the latter.
        """
        return contexts_of(
            self._model, corpus, found, neuron, cancelled=cancelled, whole=cancelled is not None
        )

    def _look(self) -> int | None:
        """The version of the model; what was found of another one is forgotten."""
        before = self._layers.version
        with self._layers.as_it_is() as version:
            if version is None or version != before:
                self._fingerprint = None
            return version

    def _begun(self, corpus: Corpus, layer: int, version: int | None) -> tuple[LayerContexts, str]:
        """What is known of a layer, from memory or from disk, and its name on disk ("": none)."""
        key = "" if version is None else self._key(corpus, layer)
        known = self._layers.get((corpus.digest, layer))
        if known is not None:
            return known, key
        empty = empty_contexts(self._model, layer, KEPT, len(corpus))
        found = (load_contexts(key, empty) if key else None) or empty
        if version is not None:
            self._layers.keep((corpus.digest, layer), found, found.n_bytes)
        return found, key

    def _key(self, corpus: Corpus, layer: int) -> str:
        if self._fingerprint is None:
            try:
                self._fingerprint, self._note = fingerprint(self._model.model), ""
            except MechwidgetError as error:
                self._fingerprint, self._note = "", f"not kept on disk: {error.message}"
        if not self._fingerprint:
            return ""
        vocabulary = _vocabulary_digest(self._model, corpus)
        return contexts_key(self._fingerprint, corpus.digest, vocabulary, layer, KEPT, MOST_TOKENS)

    def _save(self, key: str, found: LayerContexts) -> None:
        if key:
            self._note = save_contexts(key, found)


def _vocabulary_digest(model: HookedModel, corpus: Corpus) -> str:
    """How prompts become tokens, as far as a few of them tell."""
    digest = hashlib.sha256()
    step = max(1, len(corpus) // _PROMPTS_OF_A_DIGEST)
    for prompt in corpus.prompts[::step]:
        try:
            tokens, _ = cut_tokens(model, prompt)
        except MechwidgetError as error:
            digest.update(error.message.encode())
        else:
            encoder = () if tokens.encoder is None else tokens.encoder.ids
            digest.update(repr((tokens.ids, encoder)).encode())
    return digest.hexdigest()
