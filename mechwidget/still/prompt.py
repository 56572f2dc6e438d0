"""The prompt of a still picture: token by token, as the model sees it.

In: tokens as `{"text", "special"}`. Out: a fragment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.still.words import said, token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST = 400


def prompt(tokens: Sequence[Mapping[str, Any]], label: str = "") -> str:
    """The tokens, the first 400 of them."""
    shown = " ".join(
        f'<code class="special">{token(each["text"])}</code>'
        if each.get("special")
        else f"<code>{token(each['text'])}</code>"
        for each in tokens[:_MOST]
    )
    left = len(tokens) - _MOST
    more = f' <span class="muted">… and {left} more tokens</span>' if left > 0 else ""
    head = f"<h4>{said(label)}</h4>" if label else ""
    return f'{head}<p class="tokens">{shown}{more}</p>'
