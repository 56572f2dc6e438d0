"""The state of a session as the page gets it: one small, coherent JSON object.

In flows a picture of a session; out flows what `SessionState` in `js/types.ts` describes. No
arrays: those are fetched as frames by the pane that draws them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.interventions import Steer
from mechwidget.interventions.freeze import PATTERN
from mechwidget.session.strength import strength_of
from mechwidget.views.kept_json import arranged_json, fired_json, kept_json
from mechwidget.wire.envelope import describe
from mechwidget.wire.plain_json import plain

if TYPE_CHECKING:
    from mechwidget.analysis import Corpus, TokenChange
    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel, Tokens
    from mechwidget.session import Now, Session
    from mechwidget.session.directions import Kept
    from mechwidget.session.numbers import Standing
    from mechwidget.session.state import State

Json = dict[str, Any]

_MOST_PAIRS = 32
_LONGEST_NAME = 80


def session_state(
    session_id: str,
    model: Json,
    now: Now,
    directions: Kept = (),
    loaded: Json | None = None,
    corpus: Corpus | None = None,
) -> Json:
    """The whole state; `model` is what `model_json` made, once."""
    state, standing = now.state, now.standing
    content = {
        "session": session_id,
        "revision": now.revision,
        "model": model,
        "prompt": state.prompt if isinstance(state.prompt, str) else None,
        "tokens": tokens_json(state.tokens),
        "encoder": None if state.tokens.encoder is None else tokens_json(state.tokens.encoder),
        "other": _other_json(state),
        "reference": len(state.reference),
        "interventions": interventions_json(state),
        "directions": directions_json(directions),
        "corpus": None if corpus is None else corpus_json(corpus),
        "metric": _metric_json(state),
        "scores": now.scores,
        "can_undo": now.before is not None,
        "can_redo": now.after is not None,
        **kept_json(now),
        "phase": _phase(now),
        "loaded": loaded,
        "error": None if standing.error is None else describe(standing.error, "run"),
        "outcome": _outcome_json(standing),
    }
    return {key: plain(value) for key, value in content.items()}


def loaded_json(session: Session) -> Json | None:
    """The recipe that a session is from, in a sentence, and in how much it is another one here."""
    sentence = session.provenance
    return {"sentence": sentence, "differences": session.n_differences} if sentence else None


def model_json(model: HookedModel) -> Json:
    """What the page needs to know of the model; it does not change."""
    layers = range(model.n_layers)
    return {
        "name": model.name,
        "n_layers": model.n_layers,
        "heads": [model.n_heads(layer) for layer in layers],
        "kv_heads": [model.n_key_value_heads(layer) for layer in layers],
        "mlp": [model.has_mlp(layer) for layer in layers],
        "attention": [model.has_attention(layer) for layer in layers],
        "d_model": model.d_model,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": str(model.device),
        "max_positions": model.max_positions,
        "parameters": sum(parameter.numel() for parameter in model.model.parameters()),
        "predicts": "here" if _looks_both_ways(model) else "next",
        "cross_heads": [model.n_heads(layer, cross=True) for layer in layers],
        "notes": [*_stack_notes(model), *model.notes],
    }


def _looks_both_ways(model: HookedModel) -> bool:
    """Whether the logits at a token are about that very token, and not about the next."""
    return any(stack.main and stack.attends == "both ways" for stack in model.stacks)


def _stack_notes(model: HookedModel) -> list[str]:
    """Which layers are whose, and who looks both ways."""
    notes = []
    for stack in model.stacks:
        parts = [f"layers {stack.first} to {stack.layers[-1]}: {stack.name}"]
        parts += ["attends both ways"] * (stack.attends == "both ways")
        if len(model.stacks) > 1 or len(parts) > 1:
            notes.append(", ".join(parts))
    return notes


def tokens_json(tokens: Tokens) -> list[Json]:
    """The tokens of a prompt, or of what its encoder reads."""
    rows = zip(tokens.ids, tokens.texts, tokens.special, strict=True)
    shown = [{"id": i, "text": text, "special": special} for i, text, special in rows]
    for position, raw in tokens.stray.items():
        shown[position]["bytes"] = raw.hex()
    return shown


def interventions_json(state: State) -> list[Json]:
    """The list of interventions, switched on or off.

    What a page draws, not all that they hold: vectors and prompts stay here. `component` is null
    where one is about several; `layers` then says whose heads those are.
    """
    return [
        {
            "index": index,
            "id": id_,
            "type": intervention.kind,
            "mode": getattr(intervention, "mode", None),
            "component": None if intervention.target is None else intervention.target.to_json(),
            "layers": _layers_of_heads(intervention),
            "strength": strength_of(intervention),
            "along": intervention.vector.name if isinstance(intervention, Steer) else None,
            "unit": intervention.unit if isinstance(intervention, Steer) else None,
            "sentence": intervention.sentence,
            "enabled": intervention not in state.disabled,
            **_pairs_of(intervention),
            **arranged_json(state, id_),
        }
        for index, (id_, intervention) in enumerate(
            zip(state.ids, state.interventions, strict=True)
        )
    ]


def directions_json(directions: Kept) -> list[Json]:
    """The named directions: what each is called, how long it is, where it is from. No numbers."""
    return [
        {
            "name": each.name,
            "norm": each.vector.norm,
            "width": len(each.vector),
            "origin": each.origin,
        }
        for each in directions
    ]


def corpus_json(corpus: Corpus) -> Json:
    """The reference set that neurons are looked at over; its prompts stay here."""
    return {
        "id": corpus.digest[:16],
        "name": corpus.name[:_LONGEST_NAME],
        "prompts": len(corpus),
        "duplicates": corpus.duplicates,
        "blank": corpus.blank,
    }


def _pairs_of(intervention: Intervention) -> Json:
    """`align`: which positions a patch takes from which, where it says so for a few by itself."""
    pairs = getattr(intervention, "align", None)
    if not isinstance(pairs, tuple) or len(pairs) > _MOST_PAIRS:
        return {}
    return {"align": [list(pair) for pair in pairs]}


def _other_json(state: State) -> Json | None:
    """Prompt B, and which of its tokens stands under which of the prompt."""
    if state.other is None:
        return None
    said = state.other_prompt if isinstance(state.other_prompt, str) else None
    return {"prompt": said, "tokens": tokens_json(state.other), "pairs": state.alignment}


def _layers_of_heads(intervention: Intervention) -> list[int] | str | None:
    """The layers whose every pattern it is about; "all" is all of them, None is no layer."""
    if getattr(intervention, "component", None) != PATTERN:
        return None
    layers = getattr(intervention, "layers", None)
    return "all" if layers is None else list(layers)


def _metric_json(state: State) -> Json | None:
    if state.metric is None or state.bound is None:
        return None
    bound = state.bound
    return {
        "label": bound.label,
        "unit": bound.unit,
        "position": bound.position,
        "spec": state.metric.to_json(),
    }


def _phase(now: Now) -> str:
    if now.computing:
        return "running"
    return "ready" if now.standing.error is None else "error"


def _outcome_json(standing: Standing) -> Json | None:
    computed = standing.computed
    if computed is None:
        return None
    metric = computed.metric
    return {
        "revision": standing.revision,
        "position": computed.position,
        "model_version": computed.version,
        "ms": round(computed.milliseconds, 3),
        "kl": computed.outcome.kl,
        "entropy": computed.outcome.entropy,
        "fired": sum(each.change != 0 for each in computed.result.fired),
        "edits": fired_json(computed),
        "metric": None if metric is None else {"before": metric[0], "after": metric[1]},
        "top": [token_change_json(change) for change in computed.outcome.top],
    }


def token_change_json(change: TokenChange) -> Json:
    """One token of an outcome."""
    return {name: getattr(change, name) for name in change.__slots__}
