"""`mechwidget bench`: how fast this machine is at what a click costs, in about half a minute.

Times are printed, and beside them ratios of things that were measured in the same run, which can be
compared between machines: a run of the hooked model over one of the bare model, a sweep over as
many single runs, a bare run over its multiplications at the rate of a large product. Every number
is the median of several rounds, taken in turns, so that what else the machine does hits all alike.

In: a model's name. Out: a table or JSON.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

HELP = "measure this machine: a run, a sweep, multiplications, as ratios"
PROMPT = "When Tom and Ann went to the shop, Tom gave a book to"
_SIDE = 512
_ROUNDS = 9
_SECONDS = 20.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to measure, and for whom."""
    parser.add_argument("--model", default="microcosm", help="anything that mw.load takes")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--json", action="store_true", help="for a program")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    if arguments.rounds < 1:
        raise MechwidgetError("There has to be one round at least.", "For example --rounds 9.")
    found = measure(arguments.model, arguments.prompt, arguments.rounds)
    said = json.dumps(found, indent=2) if arguments.json else _table(found)
    sys.stdout.write(f"{said}\n")
    return 0


def measure(model: str, prompt: str, rounds: int) -> dict[str, Any]:
    """Milliseconds of each thing, and the ratios between them."""
    import_module("torch")
    mechwidget: Any = import_module("mechwidget")
    hooked = mechwidget.load(model)
    works, about = _works(hooked, mechwidget, prompt)
    taken = _times(works, rounds)
    milliseconds = {name: 1000 * median(times) for name, times in taken.items()}
    n_heads = about["heads"]
    gigaflops = 2 * _SIDE**3 / milliseconds["gemm"] / 1e6
    needed = 2 * about["parameters"] * about["tokens"] / gigaflops / 1e6
    ratios = {
        "bare forward / its multiplications": milliseconds["forward"] / needed,
        "run without edits / bare forward": milliseconds["run"] / milliseconds["forward"],
        "click (one head ablated) / bare forward": milliseconds["click"] / milliseconds["forward"],
        "sweep of all heads / as many clicks": milliseconds["sweep"]
        / (n_heads * milliseconds["click"]),
    }
    return {
        **about,
        "rounds": len(taken["run"]),
        "milliseconds": milliseconds,
        "gemm_gflops": gigaflops,
        "ratios": ratios,
    }


def _works(
    hooked: Any, mechwidget: Any, prompt: str
) -> tuple[dict[str, Callable[[], object]], dict[str, Any]]:
    torch: Any = import_module("torch")
    analysis: Any = import_module("mechwidget.analysis")
    tokens = hooked.tokenize(prompt)
    heads = [
        mechwidget.Head(layer, head)
        for layer in range(hooked.n_layers)
        for head in range(hooked.n_heads(layer))
    ]
    if not heads:
        raise MechwidgetError(f"{hooked.name} has no heads to ablate.", "Try another --model.")
    edit = mechwidget.Ablate(heads[len(heads) // 2])
    square = torch.randn(_SIDE, _SIDE, device=hooked.device, dtype=torch.float32)

    def forward() -> None:
        with torch.no_grad():
            hooked.source.call(hooked.model, tokens, 1)
        _settled(torch, hooked)

    def gemm() -> None:
        torch.mm(square, square)
        _settled(torch, hooked)

    works: dict[str, Callable[[], object]] = {
        "gemm": gemm,
        "forward": forward,
        "run": lambda: hooked.run(tokens, replay=False),
        "click": lambda: hooked.run(tokens, [edit]),
        "sweep": lambda: list(analysis.ablation_sweep(hooked, tokens, None, components=heads)),
    }
    about = {
        "model": hooked.name,
        "device": str(hooked.device),
        "threads": torch.get_num_threads(),
        "tokens": len(tokens),
        "heads": len(heads),
        "parameters": sum(each.numel() for each in hooked.model.parameters()),
    }
    return works, about


def _settled(torch: Any, hooked: Any) -> None:
    if hooked.device.type == "cuda":
        torch.cuda.synchronize()


def _times(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, in turns; the first turn warms up and does not count."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    ends = time.monotonic() + _SECONDS
    for turn in range(rounds + 1):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            if turn > 0:
                taken[name].append(time.perf_counter() - begun)
        if turn > 0 and time.monotonic() > ends:
            break
    return taken


def _table(found: dict[str, Any]) -> str:
    names = {
        "gemm": f"{_SIDE} x {_SIDE} matrix product",
        "forward": "bare forward",
        "run": "run without edits",
        "click": "click: one head ablated",
        "sweep": f"sweep: {found['heads']} heads, one by one",
    }
    where = f"{found['model']} on {found['device']}, {found['threads']} threads"
    lines = [
        f"{where}, {found['tokens']} tokens; medians of {found['rounds']} rounds",
        *(f"  {names[name]:<32}{value:>10.3g} ms" for name, value in found["milliseconds"].items()),
        f"  {'float32 multiplications':<32}{found['gemm_gflops']:>10.3g} GFLOP/s",
        *(f"  {name:<42}{value:>8.3g}" for name, value in found["ratios"].items()),
    ]
    return "\n".join(lines)
