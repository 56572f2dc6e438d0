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
    "unbuilt": "no tiny model of it could be built offline",
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
    family: str = "causal"
    stacks: str = ""


def line_of(answer: dict[str, Any]) -> Line:
    """The line for one visit's JSON."""
    kind, family = answer["kind"], answer.get("family", "causal")
    for state in ("unbuilt", "crashed"):
        if state in answer:
            return Line(kind, state, reason=answer[state], family=family)
    laws, broken = answer["laws"], answer["broken"]
    if answer["refused"]:
        state = "broken" if broken else "refused"
        return Line(kind, state, reason=answer["refused"], family=family)
    reason = "; ".join(answer["notes"])
    if broken:
        reason = "; ".join(f"{law}: off by {laws[law]:.1g}" for law in broken)
    return Line(
        kind,
        "broken" if broken else "named" if answer["named"] else "partly",
        ", ".join(_runs(answer["writes"])),
        "" if answer["additive"] == answer["layers"] else " †",
        ", ".join(_runs([str(heads) for heads in answer["heads"]])),
        str(answer["sites"]),
        f"{len(laws) - len(broken)} of {len(laws)}",
        reason,
        family,
        ", ".join(answer["stacks"]),
    )


def table(lines: Sequence[Line]) -> str:
    """The whole page."""
    families = list(dict.fromkeys(line.family for line in lines))
    versions = f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}"
    head = [
        "# Every architecture of transformers",
        "",
        f"Written by `make zoo` ({versions}). Tiny random models of all {len(lines)} types of",
        "these families, wrapped without a word of per-architecture code:",
        "",
        f"| family | types | {' | '.join(STATES)} |",
        f"| --- | --- |{' --- |' * len(STATES)}",
        *(_counts(family, [x for x in lines if x.family == family]) for family in families),
        "",
        *(f"- **{state}**: {_MEANING[state]}." for state in STATES),
        "",
        "Writes, per block: `a` attention, `x` attention to another stack, `m` MLP, `o` another",
        "mixer (recurrent, convolutional), `b` a bias; `·` has no single projection (experts):",
        "no neurons or heads to choose. † blocks whose output is not the plain sum of input and",
        "writes.",
    ]
    for family in families:
        some = [line for line in lines if line.family == family]
        head += ["", f"## {family[0].upper()}{family[1:]}: {_FROM.get(family, family)}", ""]
        head += [
            "| type | state | stacks | writes | heads | sites | laws | what to know |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *map(_row, some),
        ]
    return "\n".join([*head, ""])


_FROM = {
    "causal": "the types that AutoModelForCausalLM knows",
    "encoder": "AutoModelForMaskedLM and the text encoders",
    "encoder-decoder": "AutoModelForSeq2SeqLM",
    "speech": "AutoModelForSpeechSeq2Seq, CTC and audio classification",
    "vision": "image and video classification, and image encoders",
    "image and text": "zero-shot image classification, two towers that are compared",
}


def _counts(family: str, lines: Sequence[Line]) -> str:
    counts = (sum(line.state == state for line in lines) for state in STATES)
    return f"| {family} | {len(lines)} | {' | '.join(map(str, counts))} |"


def _row(line: Line) -> str:
    reason = line.reason.replace("|", "\\|").replace("\n", " ")
    stacks = line.stacks + line.blocks
    cells = (line.kind, line.state, stacks, line.writes, line.heads, line.sites, line.laws)
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
