"""How large the activations are that somebody wants to read, told before they are computed.

In: sites, positions and a ledger. Out: bytes, or a `ReadTooLargeError` with the number and what to
do. The estimate is exact for the stream, z, neurons and patterns; q, k and v, whose widths no
ledger holds, count as wide as z, and twice as wide where that could be too little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mechwidget.errors import ReadTooLargeError, SiteError
from mechwidget.models.bindings import EXPERTS
from mechwidget.models.sites import BY_QUERY, CROSS, ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.ledger import Block, Ledger
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.traffic import Traffic

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def at_positions(site: Site, tensor: torch.Tensor, positions: Sequence[int] | None) -> torch.Tensor:
    """A copy of what flows at a site, at these positions: queries, where it is by query and key."""
    if positions is None or site.name == "logits":
        return tensor.detach().clone()
    axis = 2 if site.name in BY_QUERY else 1
    index = torch.tensor(list(positions), device=tensor.device)
    return tensor.detach().index_select(axis, index)


def check_reads(
    model: HookedModel,
    traffics: Sequence[Traffic],
    tokens: Tokens,
    positions: Sequence[int] | None,
    max_bytes: int | None,
) -> None:
    """Refuse reads that are too large, or at positions that are not those of their sites.

    Raises:
        ReadTooLargeError: they would take more than `max_bytes`, or than half of what is free.
        SiteError: a site of another stack than the one whose positions are named.
    """
    if not traffics or not traffics[0].reads:
        return
    reads, at, n = traffics[0].reads, traffics[0].read_at, tokens.longest
    for site in () if at is None else reads:
        if site.layer is None:
            continue
        stack = model.stack_of(site.layer)
        if not stack.main or site.name in ELSEWHERE:
            raise SiteError(
                f"{site} is at the positions of the {stack.crosses or stack.name}; "
                "read_positions counts those whose logits are computed.",
                "Read it at all positions.",
            )
    looked_at = n if positions is None else len(positions)
    read_at = n if at is None else len(at)
    one = n_bytes_of(model.ledger, reads, n, read_at, looked_at, model.dtype.itemsize)
    most = model.baselines.budget.to_read(model.device) if max_bytes is None else max_bytes
    require_room(one * len(traffics), most, reads, n)


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
            numbers += read_at * _width(ledger, block, site, length)
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


def _width(ledger: Ledger, block: Block | None, site: Site, length: int) -> int:
    """How many numbers a site has at one position."""
    if block is None or site.layer is None:
        return 1 if site.name.endswith("_scale") else ledger.d_model
    stream = next((one.d_model for one in ledger.stacks if site.layer in one.layers), 0)
    stream = stream or ledger.d_model
    named = next((known.width for known in ledger.named if known.site == site), 0)
    if named:
        return named
    if site.name.endswith("_scale"):
        return 1
    if site.name in EXPERTS and block.experts is not None:
        wide = {"experts": 2, "expert_post": block.experts.neurons}  # an index is a wide integer
        return block.experts.experts * wide.get(site.name, 1)
    name, crosses = site.name.removeprefix(CROSS), site.name.startswith(CROSS)
    maps = block.cross if crosses else block.attention
    attention, mlp = block.write("cross" if crosses else "attention"), block.write("mlp")
    z = stream if attention is None else max(attention.width, 1)
    if site.name in BY_QUERY:
        return length * (1 if maps is None else maps.heads)
    if name == "z":
        return z
    if name in ("q", "k", "v") and maps is not None:
        shared = maps.key_value_heads / maps.heads if name != "q" else 1
        return max(1, round(2 * z * shared))
    if name == "mlp_post":
        return stream if mlp is None else mlp.width
    return stream
