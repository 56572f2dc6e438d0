"""What BertViz and CircuitsVis put into a notebook to show attention patterns, in bytes.

A script of its own, so that it can run in an environment that has them (they are no dependency of
ours): `python rival_bytes.py patterns.npy` prints JSON, `{name: [version, bytes]}`.

In: patterns `[layer, head, query, key]` as a .npy file. Out: the size of the HTML of each.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np


def bertviz(patterns: Any) -> int:
    """The HTML of its model view."""
    from bertviz import model_view

    shown = model_view(patterns, _tokens(patterns), html_action="return")
    return len(shown.data.encode())


def circuitsvis(patterns: Any) -> int:
    """The HTML of all heads, its script loaded from a CDN rather than written into the page."""
    import torch
    from circuitsvis.attention import attention_heads

    shown = attention_heads(attention=torch.cat(list(patterns))[:, :, :], tokens=_tokens(patterns))
    return len(str(shown.cdn_src).encode())


def _tokens(patterns: Any) -> list[str]:
    return ["word"] * patterns[0].shape[-1]


def main() -> None:
    import torch

    stacked = torch.tensor(np.load(sys.argv[1]))
    sizes = {
        "bertviz": bertviz([layer[None] for layer in stacked]),
        "circuitsvis": circuitsvis(list(stacked)),
    }
    print(json.dumps({name: [version(name), size] for name, size in sizes.items()}))


if __name__ == "__main__":
    main()
