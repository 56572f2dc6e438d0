"""The model that a session was given: hooked already, a module in memory, or a name to load.

In flows whatever a person passes as `model`; out flows a hooked model that a session can be about:
one that reads text and answers with a token at each position.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError, UnsupportedModelError

if TYPE_CHECKING:
    from mechwidget.models import HookedModel


def hooked(model: Any) -> HookedModel:
    """The hooked model that `model` is, wraps or names.

    Raises:
        UnsupportedModelError: it reads pixels or sound, or answers with something else than tokens.
    """
    found = _found(model)
    _require_text(found)
    return found


def _found(model: Any) -> HookedModel:
    import torch  # noqa: PLC0415 - only here: whoever passes a hooked model has it already

    from mechwidget import models  # noqa: PLC0415 - what is not used is not imported

    if isinstance(model, models.HookedModel):
        return model
    if isinstance(model, torch.nn.Module):
        return models.wrap(model)
    if isinstance(model, str | PathLike):
        return models.load(fspath(model))
    raise MechwidgetError(
        f"A session needs a model, not {type(model).__name__}.",
        'Pass mw.load("microcosm"), mw.wrap(module, tokenizer), or a name to load.',
    )


def _require_text(model: HookedModel) -> None:
    example = model.source.example()
    parts = [example] if example.encoder is None else [example, example.encoder]
    signals = sorted({part.signal.kind for part in parts if part.signal is not None})
    what = ""
    if signals:
        what = f"reads {_READS.get(signals[0], signals[0])}, and a session's prompt is text"
    elif model.ledger.pooled:
        what = "gives one answer per prompt, and a session shows the prediction at a token"
    elif model.ledger.answer == "hidden state":
        what = "answers with hidden states, and a session shows tokens"
    elif 2 * model.vocab_size < model.ledger.n_tokens:  # a vocabulary is as large as its table
        what = f"answers with {model.vocab_size} labels, and a session shows tokens"
    if what:
        raise UnsupportedModelError(
            f"There is no session about {model.name}: it {what}.",
            "model.run(prompt, interventions, read=…) and model.run_rows work on it, with every "
            "intervention and site that the model has.",
        )


_READS = {"image": "images", "sound": "sound", "video": "videos"}
