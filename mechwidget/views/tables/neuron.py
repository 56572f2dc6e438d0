"""The tables of the view of one neuron: its contexts, its tokens on the prompt, or by its weights.

In: a session, a neuron and which of them. Out: a table, once the numbers are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from mechwidget.errors import MechwidgetError
from mechwidget.interventions import ExpertNeuron, Neuron
from mechwidget.views.deferred import Then
from mechwidget.views.one_neuron import candidates_of, neuron_of, on_prompt, weights_of
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.analysis import NeuronReads, NeuronWrites
    from mechwidget.analysis.neuron_contexts import AnyNeuron
    from mechwidget.session import Session
    from mechwidget.session.contexts import ContextsFound
    from mechwidget.views.one_neuron import OnPrompt

What = Literal["prompt", "contexts", "weights"]


def neuron_table(session: Session, *, neuron: Any = None, what: What | None = None) -> Then[Table]:
    """One neuron as a table.

    Args:
        session: whose.
        neuron: a `Neuron`, an `ExpertNeuron`, or its JSON; None is the one that is selected, else
            the one that writes most to the metric.
        what: "prompt" (its activation at each token), "contexts" (the prompts of the reference set
            in which it is most active) or "weights" (the tokens that it reads and writes); None is
            "contexts" where there is a reference set, else "prompt".
    """
    if what is None:
        what = "prompt" if session.corpus is None else "contexts"
    if what not in get_args(What):
        raise MechwidgetError(f"what is {what!r}; expected {', '.join(get_args(What))}.")
    meant = _meant(session, neuron)
    if what == "contexts":
        return Then(session.neuron_contexts(meant), _contexts)
    if what == "prompt":
        return Then(on_prompt(session, meant), lambda found: _prompt(session, meant, found))
    return Then(weights_of(session, meant), lambda found: _weights(session, found))


def _meant(session: Session, neuron: Any) -> AnyNeuron:
    if neuron is None:
        selected = session.selection.component
        if not isinstance(selected, Neuron | ExpertNeuron):
            return candidates_of(session, 1).result().neurons[0].neuron
        neuron = selected
    spec = neuron.to_json() if isinstance(neuron, Neuron | ExpertNeuron) else neuron
    return neuron_of(session.model, spec)


def _contexts(found: ContextsFound) -> Table:
    contexts = found.contexts
    ends = (("highest", contexts.highest), ("lowest", contexts.lowest))
    rows = [(end, one) for end, some in ends for one in some]
    part = f"{contexts.looked:,} of {contexts.total:,} prompts" if contexts.partial else ""
    return Table(
        {
            "end": [end for end, _ in rows],
            "prompt": [one.prompt for _, one in rows],
            "position": [one.position for _, one in rows],
            "token": [_token(one.tokens, one.position) for _, one in rows],
            "activation": [one.value for _, one in rows],
            "text": ["".join(one.tokens.texts) for _, one in rows],
        },
        {
            "neuron": str(contexts.neuron),
            "looked": part or f"all {contexts.total:,} prompts, {contexts.tokens:,} tokens",
            "fired": f"above 0 at {contexts.fired:,} of {contexts.tokens:,} tokens",
        },
    )


def _token(tokens: Any, position: int) -> str | None:
    return tokens.texts[position] if position < len(tokens) else None


def _prompt(session: Session, neuron: AnyNeuron, found: OnPrompt) -> Table:
    tokens = session.now().state.tokens
    n = len(found.before)
    after = found.before if found.after is None else found.after
    columns: dict[str, Any] = {
        "position": list(range(n)),
        "token": [_token(tokens, at) for at in range(n)],
        "before": found.before.tolist(),
        "after": after.tolist(),
    }
    if found.routing is not None:
        columns["experts"] = [tuple(row) for row in found.routing.experts.tolist()]
        columns["weights"] = [tuple(row) for row in np.round(found.routing.weights, 6).tolist()]
    return Table(columns, {"neuron": str(neuron)})


def _weights(session: Session, found: tuple[NeuronReads | str, NeuronWrites]) -> Table:
    reads, writes = found
    lists = [("writes", writes.tokens)]
    if not isinstance(reads, str):
        lists = [*((one.name, one.tokens) for one in reads.inputs), *lists]
    rows = [
        (name, token, value)
        for name, tokens in lists
        if tokens is not None
        for token, value in (
            *zip(tokens.most, tokens.highest.tolist(), strict=True),
            *zip(tokens.least, tokens.lowest.tolist(), strict=True),
        )
    ]
    about = {
        "in, gate, up": "product of the direction with the token's embedding, the norm at scale 1",
        "writes": "logits per unit of activation, the final norm at scale 1",
        "note": " ".join(filter(None, [reads if isinstance(reads, str) else "", writes.note])),
    }
    return Table(
        {
            "part": [name for name, *_ in rows],
            "id": [token for _, token, _ in rows],
            "token": [session.model.token_text(token) for _, token, _ in rows],
            "value": [value for *_, value in rows],
        },
        {key: value for key, value in about.items() if value},
    )
