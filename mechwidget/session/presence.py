"""What a session says of itself to whoever watches the kernel, and what they may change in it.

In flows one session, held weakly; out flows small JSON: model, prompt, the list with its switches,
the metric, memory. It never waits for the model. Changes are those of a panel: a switch of the
list, undo, redo; each can state the revision that it was meant for.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError, MechwidgetError, ProtocolError
from mechwidget.session.difference import what_changed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mechwidget.models import HookedModel
    from mechwidget.session import Session
    from mechwidget.session.now import Now
    from mechwidget.session.state import State

Json = dict[str, Any]

_LONGEST = 400
_MOST_LISTED = 200


class Presence:
    """One session, seen from outside the notebook."""

    def __init__(self, session: Session) -> None:
        self.id = session.id
        self._session = weakref.ref(session)
        self._model: Json | None = None

    def describe(self) -> Json | None:
        """The session in a few hundred bytes; None once it is closed or gone."""
        session = self._session()
        if session is None or session.closed:
            return None
        try:
            now, model = session.now(), session.model
        except MechwidgetError:  # closed in between
            return None
        if self._model is None:
            self._model = _model_json(model)
        return {
            "id": self.id,
            "revision": now.revision,
            "model": self._model,
            **_question(now.state),
            **_list(now.state),
            "metric": _metric(now),
            "phase": _phase(now),
            "error": None if now.standing.error is None else _short(str(now.standing.error)),
            "undo": None if now.before is None else _short(what_changed(now.before, now.state)),
            "redo": None if now.after is None else _short(what_changed(now.state, now.after)),
            "memory": _memory(model),
        }

    def act(self, action: str, arguments: Mapping[str, object]) -> None:
        """Switch, undo or redo.

        Args:
            action: "enable" or "disable" with `which` (the `id` of an entry), "undo" or "redo".
            arguments: `which`; `revision`, if it must still be the one that was seen.

        Raises:
            ProtocolError: no such action, or arguments of another form.
            InterventionError: the list has no such entry, or it is at another revision.
        """
        session = self._session()
        change = _ACTIONS.get(action)
        if session is None or change is None:
            known = ", ".join(_ACTIONS)
            raise ProtocolError(f"There is no action {action!r}.", f"Known are {known}.")
        wanted = arguments.get("revision")
        if wanted is not None and wanted != session.revision:
            raise InterventionError(
                f"The session is at revision {session.revision}, not {wanted}: it has changed.",
                "Look at it again, then repeat the change.",
            )
        change(session, arguments.get("which"))


def _place(session: Session, which: object) -> int:
    ids = session.now().state.ids
    if isinstance(which, bool) or not isinstance(which, int) or which not in ids:
        raise InterventionError(
            f"No intervention of the list has the id {which!r}.", "Ask for the list again."
        )
    return ids.index(which)


_ACTIONS: dict[str, Callable[[Session, object], None]] = {
    "enable": lambda session, which: session.enable(_place(session, which)),
    "disable": lambda session, which: session.disable(_place(session, which)),
    "undo": lambda session, _: session.undo(),
    "redo": lambda session, _: session.redo(),
}


def _model_json(model: HookedModel) -> Json:
    tensors = {id(each): each for each in model.model.parameters()}.values()
    return {
        "name": model.name,
        "n_layers": model.n_layers,
        "parameters": sum(each.numel() for each in tensors),
        "bytes": sum(each.numel() * each.element_size() for each in tensors),
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": str(model.device),
    }


def _question(state: State) -> Json:
    prompt, other = state.prompt, state.other_prompt
    return {
        "prompt": _short(prompt) if isinstance(prompt, str) else None,
        "other_prompt": _short(other) if isinstance(other, str) else None,
        "tokens": len(state.tokens.ids),
    }


def _list(state: State) -> Json:
    entries = zip(state.ids, state.interventions, strict=True)
    listed = [
        {
            "id": id_,
            "type": each.kind,
            "sentence": _short(each.sentence),
            "enabled": each not in state.disabled,
            "name": state.arrangement.name_of(id_) or None,
        }
        for id_, each in list(entries)[:_MOST_LISTED]
    ]
    return {"interventions": listed, "interventions_total": len(state.interventions)}


def _metric(now: Now) -> Json | None:
    bound, computed = now.state.bound, now.standing.computed
    if bound is None:
        return None
    known = computed is not None and computed.metric is not None and not now.computing
    before, after = computed.metric if known and computed and computed.metric else (None, None)
    return {
        "label": _short(bound.label),
        "unit": bound.unit,
        "before": _finite(before),
        "after": _finite(after),
    }


def _phase(now: Now) -> str:
    if now.computing:
        return "running"
    return "ready" if now.standing.error is None else "error"


def _memory(model: HookedModel) -> Json:
    """What the model's device holds for this process, in bytes; None where it cannot say."""
    if model.device.type != "cuda":
        return {"device_allocated": None, "device_total": None}
    import torch  # noqa: PLC0415 - there already, if there is a model on a GPU

    total = torch.cuda.get_device_properties(model.device).total_memory
    return {
        "device_allocated": int(torch.cuda.memory_allocated(model.device)),
        "device_total": int(total),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
