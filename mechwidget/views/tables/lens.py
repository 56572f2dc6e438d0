"""The table of the lens: a row per layer and position of the residual stream.

In: a session and a choice of rows. Out: a table, once the streams have been read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.analysis import LogitLens, logit_lens
from mechwidget.analysis.logit_lens import SUBLAYERS
from mechwidget.views.deferred import Then
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.session import Session
    from mechwidget.session.state import State


def lens_table(
    session: Session,
    *,
    edited: bool = True,
    layers: Sequence[int] | None = None,
    sublayers: Sequence[str] = SUBLAYERS,
) -> Then[Table]:
    """Sites, layers, positions, the likeliest token there, entropy and KL to the final answer.

    Args:
        session: whose.
        edited: under the interventions that are on.
        layers: the layers to read; None is all of the stack that answers.
        sublayers: "resid_pre", "resid_mid" (where the model has it), "resid_post".
    """
    model = session.model
    chosen = None if layers is None else tuple(layers)

    def work(state: State, cancelled: Callable[[], bool]) -> LogitLens:
        return logit_lens(
            model,
            state.tokens,
            state.active if edited else (),
            layers=chosen,
            sublayers=sublayers,
            k=1,
            cancelled=cancelled,
        )

    def table(lens: LogitLens) -> Table:
        cells = [(row, column) for row in range(len(lens.sites)) for column in lens.positions]
        at = tuple(zip(*cells, strict=True))
        ids = lens.top_ids[..., 0][at].tolist()
        return Table(
            {
                "site": [lens.sites[row].name for row, _ in cells],
                "layer": [lens.sites[row].layer for row, _ in cells],
                "position": [column for _, column in cells],
                "token": [lens.tokens.texts[column] for _, column in cells],
                "top_id": ids,
                "top": [model.token_text(each) for each in ids],
                "probability": lens.top_probabilities[..., 0][at].tolist(),
                "entropy": lens.entropy[at].tolist(),
                "kl": lens.kl[at].tolist(),
            },
            {"entropy": "nats", "kl": "nats, from the final answer at the position"},
        )

    key = ("lens table", edited, chosen, tuple(sublayers))
    return Then(session.read(key, work, _bytes_of), table)


def _bytes_of(lens: LogitLens) -> int:
    return lens.entropy.nbytes * 8
