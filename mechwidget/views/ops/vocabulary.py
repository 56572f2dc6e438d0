"""What a page asks of the vocabulary: a search while a person types, and what is chosen.

A search needs no run of the model: it reads the texts of all tokens and the logits that stand. It
goes on in a thread of its own, so that neither messages nor runs wait for a long vocabulary.

In flow the arguments of a request; out flow tokens as the page shows them, or another metric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError
from mechwidget.views.aside import aside
from mechwidget.views.chosen import chosen, token_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    import torch

    from mechwidget.models import HookedModel
    from mechwidget.models.vocabulary_index import Match
    from mechwidget.session import Session
    from mechwidget.wire import Arguments, Channel, Request

Json = dict[str, Any]

_LONGEST_QUERY = 1_000
_MOST_MATCHES = 200
_MOST_PIECES = 12
_SECONDS_FOR_NUMBERS = 20.0


class Vocabulary:
    """The ops about the tokens that the model of one session knows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.search_vocabulary, self.metric_tokens, self.choose_token):
            channel.on(op.__name__, op)

    def search_vocabulary(self, args: Arguments, request: Request) -> Future[Json]:
        """The tokens that some text finds, best first, each with its probability now.

        Where the text is no token at all, also the several tokens that it is.
        """
        args.only("query", "most")
        query, most = args.text("query", _LONGEST_QUERY), args.integer("most", 1, _MOST_MATCHES)
        snapshot, model = self._session.now(), self._session.model
        computed = snapshot.standing.computed

        def answer() -> Json:
            if request.cancelled():
                return {}
            now = None if computed is None else _probabilities(computed.result.logits[0, 0])
            found = model.vocabulary.index.search(query, now, most)
            whole = any(match.rule in ("id", "exact") for match in found.matches)
            return {
                "total": found.total,
                "revision": snapshot.standing.revision,
                "matches": [_match_json(model, match, now) for match in found.matches],
                "pieces": [] if whole else _pieces_json(model, query, now),
            }

        return aside(answer)

    def metric_tokens(self, args: Arguments, _: Request) -> Future[Json]:
        """The tokens of the metric, and of each whether the prompt rather goes on with a space.

        That is so where the same token with a leading space is one, and is likelier at the
        baseline.
        """
        args.only()

        def answer() -> Json:
            self._session.wait(_SECONDS_FOR_NUMBERS)
            snapshot, model = self._session.now(), self._session.model
            bound, computed = snapshot.state.bound, snapshot.standing.computed
            before = None
            if computed is not None and snapshot.standing.revision == snapshot.revision:
                before = _probabilities(computed.baseline.logits[0, 0])
            tokens = () if bound is None else bound.tokens
            return {"tokens": [_metric_token(model, token, before) for token in tokens]}

        return aside(answer)

    def choose_token(self, args: Arguments, _: Request) -> Json:
        """Measure this token, as the answer or as the distractor beside what is measured now."""
        args.only("side", "id")
        model = self._session.model
        token = args.integer("id", 0, model.vocab_size - 1)
        side, state = args.choice("side", "answer", "distractor"), self._session.now().state
        self._session.metric = chosen(state, model, side, token)
        return {"revision": self._session.revision}


def _probabilities(logits: torch.Tensor) -> list[float]:
    values: list[float] = logits.detach().cpu().double().softmax(-1).tolist()
    return values


def _match_json(model: HookedModel, match: Match, now: Sequence[float] | None) -> Json:
    return {**_token_json(model, match.id, now), "rule": match.rule}


def _token_json(model: HookedModel, token: int, now: Sequence[float] | None) -> Json:
    return {
        "id": token,
        "text": model.token_text(token),
        "special": model.vocabulary.is_special(token),
        "probability": None if now is None else now[token],
    }


def _pieces_json(model: HookedModel, query: str, now: Sequence[float] | None) -> list[Json]:
    """The tokens that a text is, if it is several: with a leading space, where that is likelier."""
    bare = _pieces(model, query)
    if len(bare) < 2:
        return []
    spaced = _pieces(model, f" {query}")
    rather = now is not None and len(spaced) > 1 and now[spaced[0]] > now[bare[0]]
    pieces = spaced if rather and not query.startswith(" ") else bare
    return [_token_json(model, token, now) for token in pieces[:_MOST_PIECES]]


def _pieces(model: HookedModel, text: str) -> list[int]:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, which no tokenizer reads
        return []
    return [token for token in model.vocabulary.pieces(text) if 0 <= token < model.vocab_size]


def _metric_token(model: HookedModel, token: int, before: Sequence[float] | None) -> Json:
    shown = _token_json(model, token, before)
    return {**shown, "spaced": _spaced(model, token, shown["text"], before)}


def _spaced(
    model: HookedModel, token: int, text: str, before: Sequence[float] | None
) -> Json | None:
    """The same token with a leading space, where that is what the prompt rather goes on with."""
    if before is None or text.startswith(" ") or not text.strip():
        return None
    named = token_name(model, token)
    try:
        spaced = model.token_id(f" {text}")
    except MechwidgetError:
        return None
    if spaced == token or named != text or before[spaced] <= before[token]:
        return None
    return _token_json(model, spaced, before)
