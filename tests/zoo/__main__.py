"""`make zoo`: every architecture by family, each where it hurts no other, and their table.

A child process visits one type after another and prints a line of JSON for each. Where one
crashes it or takes too long, that is its line in the table, and a new child goes on with the next.

    python -m tests.zoo [NAME …]           visit these (all), print a line each; all writes TABLE.md
    python -m tests.zoo --child NAME …     what the parent starts

A NAME is a type of the causal family (gpt2), a family (vision:) or a type of one (encoder:bert).
"""

from __future__ import annotations

import json
import logging
import os
import select
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from tests.zoo.table import Line, line_of, table

ROOT = Path(__file__).parent.parent.parent
TABLE = Path(__file__).with_name("TABLE.md")
PATIENCE = float(os.environ.get("ZOO_PATIENCE", "180"))  # seconds for one architecture


def main(arguments: list[str]) -> int:
    """Run the visits; 1 when a law is broken or an architecture crashed."""
    if arguments[:1] == ["--child"]:
        _child(arguments[1:])
        return 0
    from tests.zoo.build import FAMILIES, types

    chosen = arguments or [f"{family}:" for family in FAMILIES]
    kinds = [
        name
        for each in chosen
        for name in ([f"{each}{kind}" for kind in types(each[:-1])] if each[-1] == ":" else [each])
    ]
    lines = []
    for line in _visits(kinds):
        print(
            f"{line.family:15} {line.kind:26} {line.state:12} {line.reason or line.writes}",
            flush=True,
        )
        lines.append(line)
    if not arguments:
        TABLE.write_text(table(lines), encoding="utf-8")
    states = [line.state for line in lines]
    print(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)))
    return int(any(state in ("broken", "crashed") for state in states))


def _child(kinds: list[str]) -> None:
    """Visit, one JSON line each, on a standard output that nobody else writes to."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    out, sys.stdout = sys.stdout, sys.stderr
    for kind in kinds:
        print(json.dumps(_one(kind)), file=out, flush=True)


def _one(name: str) -> dict[str, object]:
    import torch

    from tests.random_weights import example
    from tests.zoo.build import build
    from tests.zoo.laws import logits, visit

    family, kind = split(name)
    about = {"kind": kind, "family": family}

    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            model = build(kind, family)
            if family == "causal" and not logits(model, example()).isfinite().all():
                return {**about, "unbuilt": "its own logits are not finite"}
    except Exception as error:  # noqa: BLE001 - whatever transformers raises is why there is none
        said = " ".join(str(error).split())
        return {**about, "unbuilt": f"{type(error).__name__}: {said[:120]}"}
    try:
        return visit(kind, family).json()
    except Exception as error:  # noqa: BLE001 - a crash of ours is a line in the table
        return {**about, "crashed": f"{type(error).__name__}: {str(error)[:160]}"}


def split(name: str) -> tuple[str, str]:
    """Family and type of a name."""
    family, _, kind = name.rpartition(":")
    return family or "causal", kind


def _visits(kinds: list[str]) -> Iterator[Line]:
    waiting = list(kinds)
    while waiting:
        answered = 0
        for answer in _answers(waiting):
            yield line_of(answer)
            answered += 1
        waiting = waiting[answered:]


def _answers(kinds: list[str]) -> Iterator[dict[str, object]]:
    """What one child says, ending with the architecture that was the end of it."""
    command = [sys.executable, "-m", "tests.zoo", "--child", *kinds]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        for kind in kinds:
            ready, _, _ = select.select([child.stdout], [], [], PATIENCE)
            said = child.stdout.readline() if ready else b""
            if not said:
                child.kill()
                how = "its process died" if ready else f"no answer within {PATIENCE:g} s"
                family, bare = split(kind)
                yield {"kind": bare, "family": family, "crashed": how}
                return
            yield json.loads(said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
