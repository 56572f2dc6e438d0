"""The tables of the weights view: the circuits of a head, pairs of tokens, composition, norms.

In: a session and a choice. Out: a table, once the numbers are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mechwidget.analysis.head_circuits import CIRCUITS, Circuit
from mechwidget.errors import MechwidgetError
from mechwidget.interventions import Head
from mechwidget.interventions.fields import integer
from mechwidget.views.deferred import Then
from mechwidget.views.table import Table
from mechwidget.views.weight_reads import WeightReads

if TYPE_CHECKING:
    from mechwidget.analysis import Composition, TokenPairs, WeightNorms
    from mechwidget.session import Session
    from mechwidget.views.weight_reads import Count

Of = Literal["circuit", "pairs", "composition", "norms"]

QK = "score before the softmax, less the query's mean over all keys"
OV = "logits at a final norm that divides by 1, less their mean"
_ROLES = (("key", "keys"), ("query", "queries"), ("raised", "raised"), ("suppressed", "suppressed"))


def weights_table(
    session: Session,
    *,
    of: Of = "circuit",
    layer: int = 0,
    head: int = 0,
    token: int | str | None = None,
    circuit: Circuit = "ov",
    distance: int = 0,
    k: int = 20,
) -> Then[Table]:
    """One of four tables; all are of weights alone.

    Args:
        session: whose model.
        of: "circuit" (what a head makes of one token), "pairs" (of all tokens), "composition"
            (between all heads) or "norms".
        layer: of the head, for "circuit" and "pairs".
        head: which.
        token: an id or a text that is one token; None is the last of the prompt.
        circuit: "qk" or "ov", for "pairs".
        distance: how many positions a query stands after its key.
        k: how many tokens or pairs.
    """
    reads = WeightReads(session)
    if of == "composition":
        return Then(reads.composition(), _composition_table)
    if of == "norms":
        return Then(reads.norms(), _norms_table)
    which, k = Head(integer(layer, "layer"), integer(head, "head")), integer(k, "k")
    if k < 1:
        raise MechwidgetError(f"k is {k}; expected 1 or more.")
    if of == "pairs":
        if circuit not in CIRCUITS:
            raise MechwidgetError(f"circuit is {circuit!r}; expected 'qk' or 'ov'.")
        return Then(
            reads.pairs(which, circuit, k, distance),
            lambda found: _pairs_table(session, circuit, found),
        )
    if of != "circuit":
        raise MechwidgetError(f"of is {of!r}; expected circuit, pairs, composition or norms.")
    job = reads.token(which, _token(session, token), k, distance)
    return Then(job, lambda found: _circuit_table(session, found))


def _token(session: Session, token: int | str | None) -> int:
    if token is not None:
        return session.model.token_id(token)
    ids = session.now().state.tokens.ids
    if not ids:
        raise MechwidgetError("The prompt has no token ids.", "Say which token is meant.")
    return ids[-1]


def _circuit_table(session: Session, found: Count) -> Table:
    circuit, of, copying = found
    rows: list[tuple[str, int, str, float]] = []
    for role, name in _ROLES:
        ranked = getattr(circuit, name)
        for each, value in () if ranked is None else zip(ranked.ids, ranked.values, strict=True):
            rows.append((role, int(each), session.model.vocabulary.text(int(each)), float(value)))
    about = {
        "token": session.model.vocabulary.text(circuit.token),
        "key, query": of.qk_reason or QK,
        "raised, suppressed": of.ov_reason or OV,
        "copying": f"{copying:.4g}",
    }
    return _columns(("role", "id", "text", "value"), rows, about)


def _pairs_table(session: Session, circuit: Circuit, found: TokenPairs) -> Table:
    text = session.model.vocabulary.text
    names = ("query", "key") if circuit == "qk" else ("source", "output")
    rows = [
        (int(a), text(int(a)), int(b), text(int(b)), float(value))
        for a, b, value in zip(found.first, found.second, found.values, strict=True)
    ]
    columns = (f"{names[0]}_id", names[0], f"{names[1]}_id", names[1], "value")
    looked = f"the largest of {found.looked_at:,} pairs"
    return _columns(columns, rows, {"value": QK if circuit == "qk" else OV, "pairs": looked})


def _composition_table(found: Composition) -> Table:
    known = np.isfinite(found.q) | np.isfinite(found.k) | np.isfinite(found.v)
    writer, reader = np.nonzero(known)
    heads = np.array(found.heads, dtype=np.int64)
    about = {
        "q, k, v": f"‖A B‖ / (‖A‖ ‖B‖), about {found.chance:.3g} for unrelated maps",
        "reasons": "; ".join(f"layer {layer}: {why}" for layer, why in found.reasons.items()),
    }
    return Table(
        {
            "from_layer": heads[writer, 0].tolist(),
            "from_head": heads[writer, 1].tolist(),
            "to_layer": heads[reader, 0].tolist(),
            "to_head": heads[reader, 1].tolist(),
            **{
                kind: scores[writer, reader].tolist()
                for kind, scores in (("q", found.q), ("k", found.k), ("v", found.v))
            },
        },
        {key: value for key, value in about.items() if value},
    )


def _norms_table(found: WeightNorms) -> Table:
    rows: list[tuple[int, str, int | None, float]] = []
    for layer, mlp in enumerate(found.mlp):
        for part, norms in (("qk", found.qk), ("ov", found.ov)):
            known = np.nonzero(np.isfinite(norms[layer]))[0]
            rows += [(layer, part, int(head), float(norms[layer, head])) for head in known]
        rows.append((layer, "mlp_out", None, float(mlp)))
    about = {"norm": "Frobenius norm of W_Q W_Kᵀ (qk), W_V W_O (ov), W_out (mlp_out)"}
    return _columns(("layer", "part", "head", "norm"), rows, about)


def _columns(names: tuple[str, ...], rows: list[Any], about: dict[str, str]) -> Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return Table(dict(zip(names, map(list, columns), strict=True)), about)
