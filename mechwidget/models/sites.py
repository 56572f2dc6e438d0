"""Sites: the named places in a model where an activation flows.

In: the ways people write a site (`Site("z", 3)`, `("z", 3)`, `"z.3"`, a TransformerLens name
such as `"blocks.3.attn.hook_z"`, or `"pattern"` for every layer). Out: `Site` values, and
errors that name the nearest sites that exist.

What each holds, and its shape in `run.read`:

    embed           [batch, pos, width]               what the tokens' table gives
    resid_pre       [batch, pos, d_model]             the stream that enters a block
    norm1_scale     [batch, pos, 1]                   what a block's first norm divides by; …
    q               [batch, pos, head, d_head]        queries, as attention multiplies them
    k               [batch, pos, kv_head, d_head]     keys, also where several heads share one
    v               [batch, pos, kv_head, d_head]     values
    scores          [batch, head, query, key]         what the softmax is given, masked
    pattern         [batch, head, query, key]         what it gives
    z               [batch, pos, head, d_head]        the input of W_O
    attn_out        [batch, pos, d_model]             what attention adds to the stream
    resid_mid       [batch, pos, d_model]             the stream between attention and MLP
    mlp_in          [batch, pos, d_model]             what goes into the MLP, normed where it is
    experts         [batch, pos, slot]                which experts a token is sent to
    expert_weights  [batch, pos, slot]                and with which weights
    expert_post     [batch, pos, expert, neuron]      their neurons, 0 where it is not sent
    mlp_post        [batch, pos, neuron]              the input of the down projection
    mlp_out         [batch, pos, d_model]             what the MLP adds to the stream
    resid_post      [batch, pos, d_model]             the stream that leaves a block
    final_norm_scale [batch, pos, 1]                  what the last norm divides by
    logits          [batch, pos, vocab]               what the model answers

Sites that begin with `cross_` are those of attention to another stack, of the same shapes; its
keys and values are at that stack's positions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeAlias

from mechwidget.errors import SiteError


class Site(NamedTuple):
    """A place where an activation flows, e.g. `Site("z", 3)` or `Site("logits", None)`."""

    name: str
    layer: int | None = None

    def __str__(self) -> str:
        return self.name if self.layer is None else f"{self.name}.{self.layer}"


SiteLike: TypeAlias = Site | tuple[str, int | None] | str

NORM_SCALES = tuple(f"norm{nth}_scale" for nth in range(1, 7))  # of a block, as they run
FINAL_NORM_SCALE = "final_norm_scale"
LAYERED = (
    "resid_pre",
    *NORM_SCALES,
    "q",
    "k",
    "v",
    "scores",
    "pattern",
    "z",
    "attn_out",
    "cross_q",
    "cross_k",
    "cross_v",
    "cross_scores",
    "cross_pattern",
    "cross_z",
    "cross_attn_out",
    "resid_mid",
    "mlp_in",
    "experts",
    "expert_weights",
    "expert_post",
    "mlp_post",
    "mlp_out",
    "resid_post",
)
CROSS = "cross_"  # what the names of the sites of attention to another stack begin with
BY_QUERY = ("scores", "pattern", "cross_scores", "cross_pattern")  # [batch, head, query, key]
ELSEWHERE = ("cross_k", "cross_v")  # whose positions are those of another stack than the layer's
GLOBAL = ("embed", FINAL_NORM_SCALE, "logits")
NAMES = ("embed", *LAYERED, FINAL_NORM_SCALE, "logits")

_LENS_NAMES = {
    "hook_resid_pre": "resid_pre",
    "attn.hook_q": "q",
    "attn.hook_k": "k",
    "attn.hook_rot_q": "q",  # ours are what attention multiplies: after a rotation
    "attn.hook_rot_k": "k",
    "attn.hook_v": "v",
    "attn.hook_attn_scores": "scores",
    "attn.hook_pattern": "pattern",
    "attn.hook_z": "z",
    "hook_attn_out": "attn_out",
    "cross_attn.hook_q": "cross_q",
    "cross_attn.hook_k": "cross_k",
    "cross_attn.hook_v": "cross_v",
    "cross_attn.hook_attn_scores": "cross_scores",
    "cross_attn.hook_pattern": "cross_pattern",
    "cross_attn.hook_z": "cross_z",
    "hook_cross_attn_out": "cross_attn_out",
    "hook_resid_mid": "resid_mid",
    "mlp.hook_in": "mlp_in",
    "mlp.hook_post": "mlp_post",
    "hook_mlp_out": "mlp_out",
    "hook_resid_post": "resid_post",
}
_LENS_GLOBAL = {"hook_embed": "embed", "ln_final.hook_scale": FINAL_NORM_SCALE}
_LENS = re.compile(r"blocks\.(\d{1,6})\.(.+)", re.ASCII)
_DOTTED = re.compile(r"([a-z_][a-z_0-9]*)\.(\d{1,6})", re.ASCII)


def crossing(name: str, *, cross: bool) -> str:
    """A site's name, or that of its counterpart in the attention to another stack."""
    return f"{CROSS}{name}" if cross else name


def parse_site(like: Any) -> Site:
    """The site that was meant; a layered name without a layer keeps `layer=None`."""
    if isinstance(like, str):
        return _from_text(like)
    if isinstance(like, Sequence) and len(like) in (1, 2) and isinstance(like[0], str):
        name, layer = like[0], like[1] if len(like) == 2 else None
        if layer is None:
            return _from_text(name)
        if name in LAYERED and isinstance(layer, int) and not isinstance(layer, bool):
            return Site(name, layer)
        if name in GLOBAL:
            raise SiteError(f"{like!r} is not a site: {name!r} has no layer.")
        if name in NAMES:
            raise SiteError(f"{like!r} is not a site: the layer must be an integer.")
        raise _unknown(name)
    raise SiteError(f"{like!r} is not a site.", 'Write ("z", 3), "z.3" or "pattern".')


def names_one_site(like: Any) -> bool:
    """Whether `like` is one site rather than several: `"z"`, `("z", 3)` or `Site("z", 3)`."""
    if isinstance(like, (str, Site)):
        return True
    return isinstance(like, tuple) and len(like) == 2 and isinstance(like[1], int)


def resolve_sites(like: SiteLike, available: Iterable[Site]) -> tuple[Site, ...]:
    """The sites of a model that `like` names: one, or one per layer that has it."""
    wanted, have = parse_site(like), tuple(available)
    if wanted.layer is None and wanted.name in LAYERED:
        found = tuple(site for site in have if site.name == wanted.name)
    else:
        found = tuple(site for site in have if site == wanted)
    if not found:
        raise missing_site(wanted, have)
    return found


def missing_site(wanted: Site, have: Sequence[Site]) -> SiteError:
    """The error for a well-formed site that this model does not have."""
    same_name = [site for site in have if site.name == wanted.name]
    if same_name:
        near = sorted(same_name, key=lambda site: abs((site.layer or 0) - (wanted.layer or 0)))
    else:
        near = [site for site in have if site.layer == wanted.layer]
        near = near or [site for site in have if site.layer in (None, 0)]
    names = ", ".join(str(site) for site in near[: 3 if same_name else 8])
    reason = "" if same_name else f" (it has no {wanted.name!r} at all)"
    return SiteError(f"This model has no site {str(wanted)!r}{reason}.", f"It has {names}.")


def _from_text(text: str) -> Site:
    if text in NAMES:
        return Site(text, None)
    if text in _LENS_GLOBAL:
        return Site(_LENS_GLOBAL[text], None)
    if dotted := _DOTTED.fullmatch(text):
        return parse_site((dotted[1], int(dotted[2])))
    if lens := _LENS.fullmatch(text):
        name = _LENS_NAMES.get(lens[2])
        if name is None:
            near = get_close_matches(lens[2], _LENS_NAMES, 3, 0.3)
            raise SiteError(f"{text!r} is not a site.", f"Nearest: {', '.join(near or NAMES)}.")
        return Site(name, int(lens[1]))
    raise _unknown(text)


def _unknown(name: str) -> SiteError:
    near = get_close_matches(name, (*NAMES, *_LENS_NAMES), 3, 0.4) or NAMES
    return SiteError(f"{name!r} is not a site.", f"Nearest: {', '.join(near)}.")
