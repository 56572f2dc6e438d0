"""The table of architectures, from what the visits found.

In: the JSON of visits. Out: `Line`s, and Markdown that is the same for the same findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers

STATES = ("named", "partly", "refused", "broken", "crashed", "unbuilt")
_MEANING = {
    "named": "every write of every block is named, and all laws hold",
    "partly": "all laws hold; what is not named is not offered, and `HookedModel.notes` says so",
    "refused": "`wrap` raises UnsupportedModelError with the reason",
    "broken": "a law does not hold",
    "crashed": "a visit did not come to its end",
    "unbuilt": "no tiny model of it could be built or called on token ids alone",
}


@dataclass(frozen=True)
class Line:
    """One architecture: its state, and the cells of its row."""

    kind: str
    state: str
    writes: str = ""
    blocks: str = ""
    heads: str = ""
    sites: str = ""
    laws: str = ""
    reason: str = ""


def line_of(answer: dict[str, Any]) -> Line:
    """The line for one visit's JSON."""
    kind = answer["kind"]
    for state in ("unbuilt", "crashed"):
        if state in answer:
            return Line(kind, state, reason=answer[state])
    laws, broken = answer["laws"], answer["broken"]
    if answer["refused"]:
        state = "broken" if broken else "refused"
        return Line(kind, state, reason=answer["refused"])
    reason = "; ".join(answer["notes"])
    if broken:
        reason = "; ".join(f"{law}: off by {laws[law]:.1g}" for law in broken)
    return Line(
        kind,
        "broken" if broken else "named" if answer["named"] else "partly",
        ", ".join(_runs(answer["writes"])),
        f"{answer['layers']}" + ("" if answer["additive"] == answer["layers"] else " †"),
        ", ".join(_runs([str(heads) for heads in answer["heads"]])),
        str(answer["sites"]),
        f"{len(laws) - len(broken)} of {len(laws)}",
        reason,
    )


def table(lines: Sequence[Line]) -> str:
    """The whole page."""
    counts = {state: sum(line.state == state for line in lines) for state in STATES}
    versions = f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}"
    head = [
        "# Every causal architecture of transformers",
        "",
        f"Written by `make zoo` ({versions}). Tiny random models of all {len(lines)} types",
        "that `AutoModelForCausalLM` knows, wrapped without a word of per-architecture code.",
        "",
        *(f"- **{counts[s]} {s}**: {_MEANING[s]}." for s in STATES if counts[s]),
        "",
        "Writes, per block: `a` attention, `m` MLP, `o` another mixer (recurrent, convolutional),",
        "`b` a bias; `·` has no single projection (experts), so no neurons or heads to choose.",
        "† blocks whose output is not the plain sum of input and writes.",
        "",
        "| type | state | blocks | writes | heads | sites | laws | what to know |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *map(_row, lines), ""])


def _row(line: Line) -> str:
    reason = line.reason.replace("|", "\\|").replace("\n", " ")
    cells = (line.kind, line.state, line.blocks, line.writes, line.heads, line.sites, line.laws)
    return f"| {' | '.join(cells)} | {reason} |"


def _runs(items: list[str]) -> list[str]:
    """`[a, a, a, b]` as `3 x a`, `b`."""
    runs: list[tuple[str, int]] = []
    for item in items:
        if runs and runs[-1][0] == item:
            runs[-1] = (item, runs[-1][1] + 1)
        else:
            runs.append((item, 1))
    return [item if n == 1 else f"{n} x {item}" for item, n in runs]
