"""`make bench-bytes`: what the attention view sends, beside BertViz and CircuitsVis.

Flows in: a model of GPT-2 small's shape with random weights. Flows out: a table on the terminal and
a section of RESULTS.md. All three show the same patterns, all 144 heads of them. Ours is every
byte that the view's comm sends from opening the view of all heads to the last picture, JSON and
binary; theirs is the HTML that they put into the notebook. Bytes are exact: they do not depend on
the machine.

They are no dependency of ours. `RIVALS=/path/to/python` names an interpreter that has them
(`pip install bertviz circuitsvis`); without one, the sizes measured once with the versions below
stand in for them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

import mechwidget as mw
from tests.benchmarks import results

HEADING = "Bytes of the attention view"
LENGTHS = {64: 150_000, 128: 400_000, 1024: None}
ENTRIES = 48  # on a side of each picture, as the page asks for when all heads are on show
LARGE = 512  # of one head large
KNOWN = {
    "bertviz": ("1.4.1", {64: 16_801_000, 128: 67_017_000}),
    "circuitsvis": ("1.43.3", {64: 8_391_000, 128: 33_499_000}),
}  # by this very script
Rivals = dict[str, tuple[str, int | None]]


def model_of(n: int) -> Any:
    """12 layers of 12 heads; narrow, for the size of a pattern does not depend on the width."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=512, n_positions=n, n_embd=144, n_layer=12, n_head=12, initializer_range=0.3
    )
    config.bos_token_id = config.eos_token_id = 0
    return mw.wrap(GPT2LMHeadModel(config).eval())


class Page:
    """The other end of a view's comm: asks as the page does, and counts what it is sent."""

    def __init__(self, session: mw.Session) -> None:
        self.bytes = 0
        self._answered = Event()
        self._refusal: Any = None
        page = self

        class Counted(mw.AttentionView):
            def send(self, content: Any, buffers: Any = None) -> None:
                page.receive(content, buffers or [])

        self.view = Counted(session)

    def receive(self, content: dict[str, Any], buffers: list[Any]) -> None:
        """Count one message."""
        self.bytes += sum(memoryview(each).nbytes for each in buffers)
        self.bytes += len(json.dumps(content).encode())
        if "ok" in content:
            self._refusal = None if content["ok"] else content["error"]
            self._answered.set()

    def ask(self, op: str, args: dict[str, Any]) -> None:
        """Ask, and wait for the answer."""
        self._answered.clear()
        self.view._handle_custom_msg({"v": 1, "id": "ask", "op": op, "args": args}, [])
        if not self._answered.wait(60) or self._refusal:
            raise RuntimeError(self._refusal or f"no answer to {op}")


def ours(session: mw.Session) -> tuple[int, int, int | None]:
    """Bytes of the view of all heads, of one head large, and of every entry of all heads."""
    look = {"moment": "before", "weight": "pattern", "cross": False}
    overview, large, whole = Page(session), Page(session), Page(session)
    n = len(session.now().state.tokens)
    for layer in range(session.model.n_layers):
        overview.ask("patterns", look | {"layer": layer, "most": ENTRIES})
        if n <= LARGE:
            whole.ask("patterns", look | {"layer": layer, "most": n})
    if n <= 256:  # short ones come whole
        large.ask("pattern", {"layer": 5, "head": 3, "edited": False})
    else:
        large.ask("patterns", look | {"layer": 5, "heads": [3], "most": LARGE})
    for page in (overview, large, whole):
        page.view.close()
    return overview.bytes, large.bytes, whole.bytes or None


def theirs(patterns: np.ndarray[Any, Any], n: int) -> Rivals:
    """Bytes of the others on the same patterns, or what was measured before."""
    python = os.environ.get("RIVALS", sys.executable)
    script = Path(__file__).with_name("rival_bytes.py")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "patterns.npy"
        np.save(file, patterns)
        done = subprocess.run(
            [python, str(script), str(file)], capture_output=True, text=True, check=False
        )
    if done.returncode == 0:
        said = json.loads(done.stdout.splitlines()[-1])
        return {name: (version, size) for name, (version, size) in said.items()}
    print(f"not measured, so the known sizes: {done.stderr.strip().splitlines()[-1:]}")
    return {name: (f"{v}, known", sizes.get(n)) for name, (v, sizes) in KNOWN.items()}


def megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.3f}"


def main() -> None:
    rows, versions = [], ""
    for n, allowed in LENGTHS.items():
        model = model_of(n)
        ids = torch.randint(0, 512, (n,), generator=torch.Generator().manual_seed(n)).tolist()
        with mw.Session(model, ids) as session:
            overview, large, whole = ours(session)
            rivals: Rivals = dict.fromkeys(KNOWN, ("", None))
            if allowed is not None:
                patterns = [
                    np.stack([session.pattern(mw.Head(i, h)).result().numpy() for h in range(12)])
                    for i in range(12)
                ]
                rivals = theirs(np.stack(patterns), n)
                versions = ", ".join(f"{name} {v}" for name, (v, _) in rivals.items())
        verdict = "" if allowed is None else ("met" if overview <= allowed else "**missed**")
        known = [megabytes(size) for _, size in rivals.values()]
        limit = megabytes(allowed)
        rows.append(
            f"| {n} | {megabytes(overview)} | {limit} | {verdict} | {' | '.join(known)} "
            f"| {megabytes(whole)} | {megabytes(large)} |"
        )
    lines = [
        f"{results.versions('torch', 'transformers')}; {versions}.",
        "",
        "12 layers of 12 heads with random weights. Ours: every byte that the view sends for all",
        f"144 heads, JSON and binary, each head as at most {ENTRIES} entries a side, each of",
        "which is the largest of a square; exact numbers come with the head that is opened, and",
        "what all of them would take at once stands beside. Theirs: the HTML of BertViz's model",
        "view and of CircuitsVis' attention heads on the same patterns, without their scripts.",
        "",
        "Megabytes:",
        "",
        "| tokens | ours, all heads | ≤ | | BertViz | CircuitsVis | ours, every entry | one head |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
    ]
    print(results.write(HEADING, lines))


if __name__ == "__main__":
    main()
