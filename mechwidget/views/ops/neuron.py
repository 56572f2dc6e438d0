"""What the view of one neuron asks: which to look at, its weights in tokens, its contexts.

In flow the arguments of a request; out flow JSON and frames of activations and counts, the contexts
growing while the reference set is looked through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.errors import MechwidgetError
from mechwidget.views.contexts_json import contexts_json
from mechwidget.views.deferred import Then
from mechwidget.views.one_neuron import candidates_of, neuron_of, on_prompt, weights_of
from mechwidget.views.ops.prompts import prompt_texts
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from mechwidget.analysis import NeuronReads, NeuronWrites
    from mechwidget.analysis.neuron_contexts import AnyNeuron
    from mechwidget.analysis.neuron_weights import Nearest
    from mechwidget.session import Session
    from mechwidget.session.contexts import ContextsFound
    from mechwidget.views.one_neuron import Candidates, OnPrompt

Json = dict[str, Any]
Answer = tuple[Any, ...]

MOST_CANDIDATES = 64


class Neuron:
    """The ops of the view of one neuron."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (
            self.neuron_candidates,
            self.neuron_on_prompt,
            self.neuron_weights,
            self.neuron_contexts,
            self.set_corpus,
            self.prompt_from_corpus,
        ):
            channel.on(op.__name__, op)

    def neuron_candidates(self, args: Arguments, _: Request) -> Then[Json]:
        """The neurons that write most to the metric, and how many each layer has."""
        k = args.only("k").integer("k", 1, MOST_CANDIDATES)
        model, bound = self._session.model, self._session.now().state.bound

        def answer(found: Candidates) -> Json:
            return {
                "neurons": [
                    {
                        "neuron": one.neuron.to_json(),
                        "activation": one.activation,
                        "effect": None if np.isnan(one.effect) else one.effect,
                    }
                    for one in found.neurons
                ],
                "position": found.position,
                "effect_of": None if found.reason or bound is None else bound.label,
                "reason": found.reason,
                "layers": [
                    {
                        "neurons": model.n_expert_neurons(layer) or model.n_neurons(layer),
                        "experts": model.n_experts(layer),
                    }
                    for layer in range(model.n_layers)
                ],
            }

        return Then(candidates_of(self._session, k), answer)

    def neuron_on_prompt(self, args: Arguments, _: Request) -> Then[Answer]:
        """Activations along the tokens, without the edits and with; of an expert's the routing."""
        neuron = self._named(args.only("neuron"))

        def answer(found: OnPrompt) -> Answer:
            frames = [encode(found.before)]
            if found.after is not None:
                frames.append(encode(found.after))
            routing = found.routing
            if routing is not None:
                frames += [encode(routing.experts.astype(np.float32)), encode(routing.weights)]
            experts = 0 if routing is None else routing.n_experts
            return {"edited": found.after is not None, "experts": experts}, *frames

        return Then(on_prompt(self._session, neuron), answer)

    def neuron_weights(self, args: Arguments, _: Request) -> Then[Json]:
        """The tokens that a neuron reads and writes, by its weights alone."""
        neuron = self._named(args.only("neuron"))

        def answer(found: tuple[NeuronReads | str, NeuronWrites]) -> Json:
            reads, writes = found
            norm = float(np.linalg.norm(writes.direction))
            said: Json = {
                "inputs": [],
                "normed": False,
                "why": reads if isinstance(reads, str) else reads.note,
                "writes": {"norm": norm, **self._tokens(writes.tokens)},
                "note": writes.note,
            }
            if not isinstance(reads, str):
                said["normed"] = reads.normed
                said["inputs"] = [
                    {
                        "name": one.name,
                        "bias": one.bias,
                        "norm": float(np.linalg.norm(one.direction)),
                        "cosine": _cosine(one.direction, writes.direction),
                        **self._tokens(one.tokens),
                    }
                    for one in reads.inputs
                ]
            return said

        return Then(weights_of(self._session, neuron), answer)

    def neuron_contexts(self, args: Arguments, request: Request) -> Then[tuple[Json, Frame, Frame]]:
        """Where a neuron is most active in the reference set, growing as it is looked through."""
        neuron = self._named(args.only("neuron"))

        def told(found: ContextsFound) -> None:
            about, *frames = contexts_json(found)
            looked = found.contexts.looked
            request.progress(looked, found.contexts.total, "reading prompts", frames, about)

        return Then(self._session.neuron_contexts(neuron, told), contexts_json)

    def set_corpus(self, args: Arguments, _: Request) -> Json:
        """Take these prompts as the reference set, or those that means are taken over."""
        if "prompts" not in args.only("prompts", "reference"):
            given: Any = self._session.reference
        else:
            given = prompt_texts(args["prompts"])
        self._session.corpus = given
        return {"prompts": len(self._session.corpus or ())}

    def prompt_from_corpus(self, args: Arguments, _: Request) -> Json:
        """Take one prompt of the reference set as the prompt, as far as it was looked at."""
        corpus = self._session.corpus
        if corpus is None:
            raise MechwidgetError("There is no reference set any more.")
        index = args.only("index").integer("index", 0, len(corpus) - 1)
        self._session.prompt = corpus.prompts[index]
        return {"revision": self._session.revision}

    def _named(self, args: Arguments) -> AnyNeuron:
        return neuron_of(self._session.model, args.mapping("neuron"))

    def _tokens(self, tokens: Nearest | None) -> Json:
        """Both ends of a list of tokens, each with its number."""
        if tokens is None:
            return {"most": [], "least": []}
        text = self._session.model.token_text
        most = zip(tokens.most, tokens.highest.tolist(), strict=True)
        least = zip(tokens.least, tokens.lowest.tolist(), strict=True)
        return {
            "most": [{"text": text(token), "gain": gain} for token, gain in most],
            "least": [{"text": text(token), "gain": gain} for token, gain in least],
        }


def _cosine(one: Any, other: Any) -> float | None:
    """Of the angle between two directions; None where they are of two streams, or nothing."""
    if one.shape != other.shape:
        return None
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size else None
