"""How large the activations are that somebody wants to read, told before they are computed.

In: sites, positions and a ledger. Out: bytes, or a `ReadTooLargeError` with the number and what to
do. The estimate is exact for the stream, z, neurons and patterns; q, k and v, whose widths no
ledger holds, count as wide as z, and twice as wide where that could be too little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mechwidget.errors import ReadTooLargeError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from mechwidget.models.ledger import Block, Ledger
    from mechwidget.models.sites import Site

_BY_QUERY = ("scores", "pattern")
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def at_positions(site: Site, tensor: torch.Tensor, positions: Sequence[int] | None) -> torch.Tensor:
    """A copy of what flows at a site, at these positions: queries, where it is by query and key."""
    if positions is None or site.name == "logits":
        return tensor.detach().clone()
    axis = 2 if site.name in _BY_QUERY else 1
    index = torch.tensor(list(positions), device=tensor.device)
    return tensor.detach().index_select(axis, index)


def n_bytes_of(
    ledger: Ledger, sites: Iterable[Site], length: int, read_at: int, looked_at: int, itemsize: int
) -> int:
    """What one run's activations take.

    Args:
        ledger: the model's.
        sites: what is read.
        length: the number of tokens.
        read_at: the number of positions that are read.
        looked_at: the number of positions whose logits are computed.
        itemsize: bytes of one number.
    """
    numbers = 0
    for site in sites:
        if site.name == "logits":
            numbers += looked_at * ledger.vocab_size
        else:
            block = None if site.layer is None else ledger.blocks[site.layer]
            numbers += read_at * _width(ledger, block, site.name, length)
    return numbers * itemsize


def require_room(n_bytes: int, most: int, sites: Collection[Site], length: int) -> None:
    """Raise `ReadTooLargeError` when activations are larger than what is allowed."""
    if n_bytes <= most:
        return
    names = ", ".join(sorted({site.name for site in sites}))
    raise ReadTooLargeError(
        f"Reading {names} ({len(sites)} site{'s' if len(sites) > 1 else ''}) over {length} tokens "
        f"takes {in_words(n_bytes)}; at most {in_words(most)} may be taken.",
        "Read fewer layers, or only some positions (read_positions=[-1]); or allow more with "
        "max_bytes=.",
    )


def in_words(n_bytes: int) -> str:
    """A number of bytes for people, e.g. "3.2 GB"."""
    size, unit = float(n_bytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def _width(ledger: Ledger, block: Block | None, name: str, length: int) -> int:
    """How many numbers a site has at one position."""
    if block is None:
        return ledger.d_model
    attention, mlp = block.write("attention"), block.write("mlp")
    z = ledger.d_model if attention is None else max(attention.width, 1)
    if name in _BY_QUERY:
        return length * (block.attention.heads if block.attention is not None else 1)
    if name == "z":
        return z
    if name in ("q", "k", "v") and block.attention is not None:
        shared = block.attention.key_value_heads / block.attention.heads if name != "q" else 1
        return max(1, round(2 * z * shared))
    if name == "mlp_post":
        return ledger.d_model if mlp is None else mlp.width
    return ledger.d_model
