"""What the model goes on to write, streamed to a page while it is written.

In flow the arguments of a request; out flow the rows so far, at most ten times a second, and at
last all of it. A page that withdraws ends the generation within one block of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.interventions.fields import finite_number
from mechwidget.views.deferred import Then

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.session.continuation import Continuation, Written
    from mechwidget.wire import Arguments, Channel, Request

Json = dict[str, Any]

MOST_TOKENS = 500
LARGEST_SEED = 2**31 - 1


class Continuing:
    """The op that writes on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call it."""
        channel.on("continuation", self.continuation)

    def continuation(self, args: Arguments, request: Request) -> Then[Json]:
        """Both rows token by token; `new_tokens` at most."""
        args.only("new_tokens", "temperature", "top_p", "seed", "on")
        most = args.integer("new_tokens", 1, MOST_TOKENS)
        revision, tokenizer = self._session.revision, self._session.model.tokenizer
        special = frozenset(getattr(tokenizer, "all_special_ids", None) or ())

        def progress(so_far: Continuation) -> None:
            partial = continuation_json(so_far, revision, special)
            request.progress(len(so_far), most, "writing", partial=partial)

        job = self._session.continuation(
            most,
            finite_number(args["temperature"], "The temperature"),
            finite_number(args["top_p"], "top_p"),
            args.integer("seed", 0, LARGEST_SEED),
            on=args.choice("on", "prompt", "generated", "both"),  # type: ignore[arg-type]
            progress=progress,
        )
        return Then(job, lambda written: continuation_json(written, revision, special))


def continuation_json(written: Continuation, revision: int, special: frozenset[int]) -> Json:
    """All that is written so far: tokens by id, and every text once."""
    texts: dict[str, str] = {}
    ids = {token.id for token in (*written.baseline, *(written.edited or ()))}
    return {
        "revision": revision,
        "baseline": _row(written.baseline, texts),
        "edited": None if written.edited is None else _row(written.edited, texts),
        "texts": texts,
        "special": sorted(ids & special),
        "divergence": written.divergence,
        "ended": written.ended,
        "recomputes": written.recomputes,
        "per_second": written.tokens_per_second,
    }


def _row(row: tuple[Written, ...], texts: dict[str, str]) -> list[list[Any]]:
    """Each token as [id, probability, what the other row gives it, [[id, probability], …]]."""
    for token in row:
        for one in (token, *token.likely):
            texts[str(one.id)] = one.text
    return [
        [
            token.id,
            _short(token.probability),
            None if token.beside is None else _short(token.beside),
            [[one.id, _short(one.probability)] for one in token.likely],
        ]
        for token in row
    ]


def _short(probability: float) -> float:
    return float(f"{probability:.3g}")
