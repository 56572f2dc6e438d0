"""How surprised the model is by each token of the prompt, with the edits and without."""

from html import escape
from pathlib import Path
from typing import ClassVar

import numpy as np

import mechwidget as mw

HERE = Path(__file__).parent


def surprise(session, args):
    """`[2, pos]`, bits, without edits and with; nan for the first token."""
    model = session.model

    def work(state, cancelled):
        rows = [
            model.run(state.tokens, edits, cancelled=cancelled).logits[0].float()
            for edits in ((), state.active)
        ]
        ids = list(state.tokens.ids)[1:]
        found = np.full((2, len(ids) + 1), np.nan, np.float32)
        for row, logits in enumerate(rows):
            log = logits.log_softmax(-1)[range(len(ids)), ids]
            found[row, 1:] = (-log / np.log(2)).cpu().numpy()
        return found

    return session.read("surprise", work, lambda found: found.nbytes)


class Surprise(mw.PluginView):
    """Bits of surprise at each token; hover lights it up in every view, a click selects it."""

    view = "surprise"
    title = "Surprise"
    script = HERE / "surprise.js"
    style = HERE / "surprise.css"
    ops: ClassVar = {"surprise": surprise}

    @staticmethod
    def snapshot_parts(state):
        texts = "".join(escape(token["text"]) for token in state["tokens"])
        return [f"<p>The surprise at each token of “{texts}” needs a kernel.</p>"]
