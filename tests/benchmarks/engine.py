"""`make bench-engine`: the engine beside TransformerLens, nnsight and plain Hugging Face hooks.

Flows in: `THREADS` and `DEVICE` from the environment; also `TOKENS` (e.g. "16 64"), `ITEMS` (e.g.
"1 3") and `REPETITIONS`, to try a part. Flows out: tables on the terminal and, when nothing was
left out, a section of RESULTS.md. The models are random, shaped like GPT-2 small and like a Llama
with grouped heads; speed does not depend on the numbers in them.

Every ratio is of best times of this one process, taken in turns (see `stopwatch`). Where a target
is missed, the last column says what the time is made of.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

import mechwidget as mw
from tests.benchmarks import results
from tests.benchmarks.engine_case import GENERATED, Case, OtherWorkError
from tests.benchmarks.rivals import PACKAGES, Lens, Plain, Sight, absent
from tests.benchmarks.stopwatch import DEVICE, THREADS, gemm_rate

if TYPE_CHECKING:
    from torch import nn

TOKENS = [int(n) for n in os.environ.get("TOKENS", "16 64 256").split()]
ITEMS = [int(n) for n in os.environ.get("ITEMS", "1 2 3 4 5 6 7").split()]
LAYERS, HEADS, WIDTH = 12, 12, 768
MAP_TOKENS = 16
NOT_MEASURED = "-"
FASTER = {16: 8.0, 64: 5.0, 256: 3.5}  # than TransformerLens' loop over all heads


def gpt2() -> nn.Module:
    """The shape of GPT-2 small, without an end of text, so that generation never stops early."""
    return GPT2LMHeadModel(GPT2Config(bos_token_id=None, eos_token_id=None)).eval()


def llama() -> nn.Module:
    """The same shape as a Llama: gated MLP, rotary positions, 4 key/value heads."""
    sizes = {"hidden_size": WIDTH, "intermediate_size": 2048, "num_hidden_layers": LAYERS}
    config = LlamaConfig(
        num_attention_heads=HEADS,
        num_key_value_heads=4,
        bos_token_id=None,
        eos_token_id=None,
        **sizes,
    )
    return LlamaForCausalLM(config).eval()


MODELS: dict[str, Callable[[], nn.Module]] = {"GPT-2 small": gpt2, "Llama, 12 heads on 4": llama}


@dataclass
class Table:
    """One item of the benchmark.

    Attributes:
        title: what is measured.
        target: what is asked for, in words.
        columns: the measured cells of a line, before value, verdict and reason.
        lines: as Markdown.
    """

    title: str
    target: str
    columns: tuple[str, ...]
    lines: list[str] = field(default_factory=list)

    def add(
        self, case: Case, cells: list[str], value: str, met: bool | None, reason: str = ""
    ) -> None:
        """One line; `met` is None where nothing is asked for."""
        verdict = {True: "met", False: "**missed**", None: ""}[met]
        shown = [case.name, str(case.n), *cells, value, verdict, "" if met else reason]
        self.lines.append(f"| {' | '.join(shown)} |")
        print(self.lines[-1], flush=True)

    def markdown(self) -> list[str]:
        """The item as it stands in the file."""
        names = ("model", "tokens", *self.columns, "value", self.target, "what stands in the way")
        head = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
        return [f"### {self.title}", "", *head, *self.lines, ""]


class Engine:
    """The items, one method each; the arithmetic limit is filled on the way."""

    def __init__(self) -> None:
        self.rate = gemm_rate()
        self.tables = {
            1: Table(
                "1. A run without interventions ÷ the model's own forward, all logits",
                "≤ 1.03",
                ("own, ms", "TransformerLens ÷ own", "nnsight ÷ own", "computed ÷ own"),
            ),
            2: Table(
                "2. One head ablated, averaged over the heads, last position ÷ own forward",
                "≤ 0.5",
                ("TransformerLens ÷ own", "nnsight ÷ own", "plain hook ÷ own", "÷ own, last only"),
            ),
            3: Table(
                "3. All heads, one at a time: TransformerLens' `run_with_hooks` loop ÷ ours",
                "≥ 8, 5, 3.5",
                ("ours, s", "its last only", "nnsight", "its last only", "plain", "its last only"),
            ),
            4: Table(
                "4. Residual patching map: `patching.get_act_patch_resid_pre` ÷ ours",
                "≥ 10",
                ("ours, s", "nnsight, last only", "plain hooks, last only"),
            ),
            5: Table(
                "5. Reading every pattern ÷ `output_attentions=True`",
                "≤ 1.0",
                ("theirs, ms", "TransformerLens ÷ theirs", "not remembered ÷ theirs"),
            ),
            6: Table(
                "6. Generation, steered and a head ablated: tokens a second ÷ plain `generate`",
                "≥ 0.95",
                ("plain, tokens/s", "ours, no intervention ÷ plain"),
            ),
            7: Table(
                "7. Share of the arithmetic limit (GEMM rate times the multiply-adds of the plan)",
                "sweep at 64: ≥ 0.7",
                ("own forward", "its batch of rows", "no intervention", "one head", "map"),
            ),
        }
        self.notes: list[str] = []
        self.shares: dict[str, float] = {}

    def measure(self, case: Case) -> None:
        """Every item that was asked for."""
        self.shares = {}
        self.rate = max(self.rate, gemm_rate())  # a busy moment must not look like a slow machine
        items = (self.forward, self.head, self.sweep, self.map, self.patterns, self.generation)
        for number, item in enumerate(items, 1):
            if number in ITEMS:
                try:
                    item(case)
                except OtherWorkError as error:
                    self._note(f"Item {number} was not timed. {error}")
        if 7 in ITEMS:
            self.limit(case)

    def forward(self, case: Case) -> None:
        """Item 1; the value is that of a prompt that is new, baseline remembered."""
        times = case.no_intervention()
        own, value = times["own"], times["remembered"] / times["own"]
        self.shares["no intervention"] = self._share(case, times["remembered"], case.layers, case.n)
        reason = (
            f"{1000 * (times['computed'] - own):.1f} ms of {1000 * own:.0f} for the run itself, "
            f"{1000 * (times['remembered'] - times['computed']):.1f} ms to copy what blocks return"
        )
        cells = [f"{1000 * own:.0f}", *_ratios(times, own, "TransformerLens", "nnsight")]
        self.tables[1].add(
            case, [*cells, f"{times['computed'] / own:.2f}"], f"{value:.2f}", value <= 1.03, reason
        )

    def head(self, case: Case) -> None:
        """Item 2."""
        times = case.one_head()
        own, ours = times["own"], times["ours"]
        blocks = (case.layers + 1) / 2
        share = self.shares["one head"] = self._share(case, ours, blocks, 1)
        part = case.needs(blocks, 1) / case.needs(case.layers, case.n)
        reason = (
            f"what is left to compute is {part:.0%} of the own forward's arithmetic, done at "
            f"{share:.0%} of the GEMM rate (own: {self._own_share(case):.0%}); a run that computes "
            f"no block takes {1000 * case.nothing:.1f} of {1000 * ours:.0f} ms"
        )
        cells = _ratios(times, own, "TransformerLens", "nnsight", "plain hooks")
        cells.append(f"{ours / times['own, last position']:.2f}")
        self.tables[2].add(case, cells, f"{ours / own:.2f}", ours / own <= 0.5, reason)

    def sweep(self, case: Case) -> None:
        """Item 3."""
        times = case.sweep()
        ours = times["ours"]
        share = self.shares["sweep"] = self._share_of_cells(case, ours, case.heads)
        loops = [
            f"{name}{last}"
            for name in ("TransformerLens", "nnsight", "plain hooks")
            for last in ("", ", last position")
        ]
        first, *others = _speedups(times, ours, *loops)
        target = FASTER.get(case.n)
        met = None if target is None or first == NOT_MEASURED else float(first) >= target
        self.tables[3].add(case, [f"{ours:.2f}", *others], first, met, self._rows(case, share))

    def map(self, case: Case) -> None:
        """Item 4, at one length."""
        if case.n != MAP_TOKENS:
            return
        times = case.residual_map()
        ours = times["ours"]
        share = self.shares["map"] = self._share_of_cells(case, ours, case.n)
        first, *others = _speedups(times, ours, "TransformerLens", "nnsight", "plain hooks")
        met = None if first == NOT_MEASURED else float(first) >= 10
        self.tables[4].add(case, [f"{ours:.2f}", *others], first, met, self._rows(case, share))

    def patterns(self, case: Case) -> None:
        """Item 5; the value is that of a prompt that is new, baseline remembered."""
        times = case.patterns()
        theirs, ours, plain = (
            times[k] for k in ("output_attentions", "ours", "ours, not remembered")
        )
        reason = (
            f"{1000 * (ours - plain):.1f} ms to copy what blocks return, "
            f"{1000 * (plain - theirs):.1f} ms for the rest, {1000 * case.nothing:.1f} of them "
            "what any run costs"
        )
        cells = [f"{1000 * theirs:.0f}", *_ratios(times, theirs, "TransformerLens")]
        cells.append(f"{plain / theirs:.2f}")
        self.tables[5].add(case, cells, f"{ours / theirs:.2f}", ours / theirs <= 1, reason)

    def generation(self, case: Case) -> None:
        """Item 6."""
        times = case.generation()
        if times is None:
            self._note("Item 6 was skipped: this version cannot generate.")
            return
        own, ours, none = times["own"], times["ours"], times["no intervention"]
        reason = (
            f"{1000 * (ours - own) / GENERATED:.1f} ms a token more than plain, "
            f"{1000 * (none - own) / GENERATED:.1f} of them without any intervention"
        )
        cells = [f"{GENERATED / own:.1f}", f"{own / none:.2f}"]
        self.tables[6].add(case, cells, f"{own / ours:.2f}", own / ours >= 0.95, reason)

    def limit(self, case: Case) -> None:
        """Item 7: what was reached above, and what the model itself reaches."""
        rows, seconds = case.batched
        batch = rows * case.needs(case.layers, 1) / seconds / self.rate
        shown = [
            f"{self.shares[key]:.0%}" if key in self.shares else NOT_MEASURED
            for key in ("no intervention", "one head", "map")
        ]
        cells = [f"{self._own_share(case):.0%}", f"{batch:.0%} ({rows})", *shown]
        sweep = self.shares.get("sweep")
        met = None if case.n != 64 or sweep is None else sweep >= 0.7
        reason = "" if sweep is None or met is None else self._rows(case, sweep)
        value = NOT_MEASURED if sweep is None else f"{sweep:.0%}"
        self.tables[7].add(case, cells, value, met, reason)

    def _share(self, case: Case, seconds: float, blocks: float, unembedded: int) -> float:
        """Of the GEMM rate, what so many blocks and unembedded positions in that time are."""
        return case.needs(blocks, unembedded) / seconds / self.rate

    def _share_of_cells(self, case: Case, seconds: float, per_layer: int) -> float:
        """The same for a sweep over so many cells in every layer."""
        blocks = case.layers * (case.layers + 1) / 2
        return self._share(case, seconds, per_layer * blocks, per_layer * case.layers)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            print(text, flush=True)
            self.notes.append(text)

    def _own_share(self, case: Case) -> float:
        return self._share(case, case.own, case.layers, case.n)

    def _rows(self, case: Case, share: float) -> str:
        """What a batch of rows is up against."""
        rows, seconds = case.batched
        batch = rows * case.needs(case.layers, 1) / seconds / self.rate
        return (
            f"{share:.0%} of the GEMM rate; the model's own forward of {rows} such rows reaches "
            f"{batch:.0%}, of one {self._own_share(case):.0%}: norms, activations, softmax and "
            "memory are the rest"
        )


def _ratios(times: dict[str, float], of: float, *names: str) -> list[str]:
    return [f"{times[name] / of:.2f}" if name in times else NOT_MEASURED for name in names]


def _speedups(times: dict[str, float], ours: float, *names: str) -> list[str]:
    return [f"{times[name] / ours:.1f}" if name in times else NOT_MEASURED for name in names]


def main() -> None:
    """Measure, print, and write the section."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    if not _usable(DEVICE):
        print(f"There is no device {DEVICE!r} here: the engine was not measured on it.")
        return
    missing, engine = absent(), Engine()
    for name, make in MODELS.items():
        plain = Plain(*_pair(make().to(DEVICE)))
        lens = None if "TransformerLens" in missing else Lens(plain.module)
        sight = None if "nnsight" in missing else Sight(plain.module, plain.ours)
        for n in TOKENS:
            engine.measure(Case(name, plain, lens, sight, n))
    lines = report(engine, missing)
    complete = not {"TOKENS", "ITEMS", "REPETITIONS"} & set(os.environ)
    threads = "1 thread" if THREADS == 1 else f"{THREADS} threads"
    heading = f"The engine, {DEVICE}, {threads}"
    print(results.write(heading, lines) if complete else "\n".join(lines))


def _usable(device: str) -> bool:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        return False
    return True


def _pair(module: nn.Module) -> tuple[nn.Module, mw.HookedModel]:
    return module, mw.wrap(module)


def report(engine: Engine, missing: list[str]) -> list[str]:
    """The section, without its heading."""
    packages = results.versions("torch", "transformers", *PACKAGES)
    lines = [
        f"{packages}; {results.processor()}, load average {os.getloadavg()[1]:.1f}.",
        f"Random weights, {LAYERS} layers of {HEADS} heads, width {WIDTH}, float32;",
        f"GEMM rate {engine.rate / 1e9:.0f} · 10⁹ multiply-adds a second.",
        "",
        "Ratios are of best times of one process, in turns, after the numbers were compared",
        "(1e-4). Libraries other than ours compute every logit unless a column says last only.",
        "Their loops are timed on four heads (cells) of different layers, times their number; ours",
        "is timed whole, on a new prompt, the baseline and the source of a patch included.",
        "(1) and (5) also count remembering the baseline. Generation is greedy,",
        f"{GENERATED} tokens.",
        "",
    ]
    for number in ITEMS:
        if engine.tables[number].lines:
            lines += engine.tables[number].markdown()
    if missing:
        lines += [f"Not installed here, so not compared: {' and '.join(missing)}."]
    return lines + engine.notes


if __name__ == "__main__":
    main()
