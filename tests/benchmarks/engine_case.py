"""One model and one length of the engine's benchmark: the work of each item, and its times.

In: a model with random weights, how many tokens, and the libraries beside us. Out: seconds, by
item and by who did the work. Before anything is timed, everybody's numbers are compared with ours,
so that nobody is timed on other work.

Who sweeps in a loop needs one forward pass per head or cell, whichever it is; of those loops some
heads (or cells) are timed and the rest extrapolated. Our side is always timed whole, on a prompt
that was never seen before, so that the baseline and the source of a patch are part of it.
"""

from __future__ import annotations

import os
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch

import mechwidget as mw
from tests.benchmarks.rivals import LAST, Lens, Plain, Sight
from tests.benchmarks.stopwatch import DEVICE, best, multiply_adds, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAME = 1e-4
REPETITIONS = {16: 5, 64: 4}
GENERATED = 16
Times = dict[str, float]


class OtherWorkError(AssertionError):
    """Somebody computed something else than we did."""


class Case:
    """One model and one length."""

    def __init__(self, name: str, plain: Plain, lens: Lens | None, sight: Sight | None, n: int):
        self.name, self.n, self.plain, self.lens, self.sight = name, n, plain, lens, sight
        self.ours = plain.ours
        self.layers, self.heads = self.ours.n_layers, self.ours.n_heads(0)
        generator = torch.Generator().manual_seed(n)
        ids = torch.randint(0, self.ours.vocab_size, (2, n), generator=generator).to(DEVICE)
        self.ids, self.other = ids[:1], ids[1:]
        self.repetitions = int(os.environ.get("REPETITIONS", REPETITIONS.get(n, 2)))
        self._unseen = iter(range(self.ours.vocab_size))

    # -- what is needed of one forward, as shares of the GEMM rate -------------------------------

    @cached_property
    def own(self) -> float:
        """Seconds of the model's own forward, every position unembedded."""
        return best({"": lambda: self.plain.own(self.ids)}, 2 * self.repetitions)[""]

    @cached_property
    def batched(self) -> tuple[int, float]:
        """Rows that hold about 1,024 tokens, and seconds of the own forward of that batch."""
        rows = max(1, 1024 // self.n)
        ids = self.ids.repeat(rows, 1)
        return rows, best({"": lambda: self.plain.own(ids, **LAST)}, self.repetitions)[""]

    @cached_property
    def nothing(self) -> float:
        """Seconds of a run that replays every block and unembeds one position: what a run costs."""
        self.ours.run(self.ids)
        action = partial(self.ours.run, self.ids, positions=[-1])
        return best({"": action}, 4 * self.repetitions)[""]

    def needs(self, blocks: float, unembedded: int) -> float:
        """Multiply-adds of one row of this length."""
        return multiply_adds(self.ours, self.n, blocks, unembedded)

    # -- the items ------------------------------------------------------------------------------

    def no_intervention(self) -> Times:
        """(1) A run without interventions, beside the model's own forward."""
        self._same(self.ours.run(self.ids).logits, self._forwards())
        actions: dict[str, Callable[[], object]] = {
            "own": lambda: self.plain.own(self.ids),
            "computed": lambda: self.ours.run(self.ids, replay=False),
            "remembered": lambda: self.ours.run(self._new()),
        }
        actions |= {name: partial(forward, self.ids) for name, forward in self._others("forward")}
        return best(actions, 2 * self.repetitions)

    def one_head(self) -> Times:
        """(2) One head ablated, last position; of each layer one head, whose times are averaged."""
        self.ours.run(self.ids)
        heads = [(layer, layer % self.heads) for layer in range(self.layers)]
        for head in heads:
            self._ablated(*head)  # what has to be proved of a model is proved once
        actions: dict[str, Callable[[], object]] = {
            "own": lambda: self.plain.own(self.ids),
            "own, last position": lambda: self.plain.own(self.ids, **LAST),
        }
        middle = (self.layers // 2, self.heads // 2)
        for name, loop in self._loops():
            actions[name] = partial(loop, self.ids, *middle)
        actions |= {
            f"head {layer}": partial(self._ablated, *head) for layer, head in enumerate(heads)
        }
        times = best(actions, self.repetitions)
        ours = [times.pop(f"head {layer}") for layer in range(self.layers)]
        return {**times, "ours": sum(ours) / self.layers}

    def sweep(self) -> Times:
        """(3) Every head, one at a time, last position."""
        cells = [(layer, head) for layer in range(self.layers) for head in range(self.heads)]
        sample = [(layer, layer % self.heads) for layer in range(1, self.layers, 3)]
        for cell, row in zip(sample, self._swept(self.ids, sample), strict=True):
            self._same(row.logits, {name: loop(self.ids, *cell) for name, loop in self._loops()})
        return self._sweeps(
            lambda: self._swept(self._new(), cells), len(cells), sample, dict(self._loops())
        )

    def residual_map(self) -> Times:
        """(4) The residual stream patched from another prompt, at every layer and position."""
        cells = [(layer, position) for layer in range(self.layers) for position in range(self.n)]
        sample = [(layer, layer) for layer in range(1, min(self.layers, self.n), 3)]
        rows = self._patched(self.ids, cells)
        held = self.ours.run(self.other, read=["resid_pre"]).read.layers("resid_pre")
        loops = {
            name: lambda ids, layer, position, put=put: put(ids, layer, position, held[layer])
            for name, put in self._others("patched", plain=True)
        }
        for layer, position in sample:
            mine = rows[layer * self.n + position].logits
            self._same(mine, {k: put(self.ids, layer, position) for k, put in loops.items()})
        times = self._sweeps(
            lambda: self._patched(self._new(), cells), len(cells), sample, loops, repetitions=2
        )
        if self.lens is None:
            return times
        cache = self.lens.cache(self.other)
        mine = torch.stack([_metric(row.logits) for row in rows]).reshape(self.layers, self.n)
        theirs: list[torch.Tensor] = []
        seconds = min(
            timed(lambda: theirs.append(self.lens.residual_map(self.ids, cache, _metric)))
            for _ in range(2)
        )
        self._same(mine, {"TransformerLens": theirs[0]})
        return {**times, "TransformerLens": seconds}

    def patterns(self) -> Times:
        """(5) Every attention pattern, with every position's logits."""
        mine = self.ours.run(self.ids, read=["pattern"]).read.layers("pattern")
        readers = {"output_attentions": self.plain.patterns, **dict(self._others("patterns"))}
        self._same(
            torch.stack([mine[layer] for layer in range(self.layers)]),
            {name: torch.stack(read(self.ids)) for name, read in readers.items()},
        )
        actions: dict[str, Callable[[], object]] = {
            "ours": lambda: self.ours.run(self._new(), read=["pattern"]),
            "ours, not remembered": lambda: self.ours.run(self.ids, read=["pattern"], replay=False),
            "own": lambda: self.plain.own(self.ids),
        }
        actions |= {name: partial(read, self.ids) for name, read in readers.items()}
        return best(actions, 2 * self.repetitions)

    def generation(self) -> Times | None:
        """(6) Generating under steering and an ablated head; None where we cannot generate."""
        if not hasattr(self.ours, "generate"):
            return None
        direction = torch.linspace(-1, 1, self.ours.d_model)
        edits = [
            mw.Steer(mw.Residual(self.layers // 2), direction, 0.5),
            mw.Ablate(mw.Head(self.layers // 3, self.heads // 2)),
        ]
        plain = self.plain.generate(self.ids, GENERATED)[0, self.n :].tolist()
        if self._generated(()) != plain:
            raise OtherWorkError(
                f"{self.name}, {self.n} tokens: without interventions, generation is not plain."
            )
        return best(
            {
                "own": lambda: self.plain.generate(self.ids, GENERATED),
                "ours": lambda: self._generated(edits),
                "no intervention": lambda: self._generated(()),
            },
            min(self.repetitions, 3),
        )

    # -- our side -------------------------------------------------------------------------------

    def _ablated(self, layer: int, head: int) -> mw.Run:
        return self.ours.run(self.ids, [mw.Ablate(mw.Head(layer, head))], positions=[-1])

    def _swept(self, ids: torch.Tensor, cells: list[tuple[int, int]]) -> Any:
        variants = [[mw.Ablate(mw.Head(*cell))] for cell in cells]
        return self.ours.run_rows(ids, variants, positions=[-1])

    def _patched(self, ids: torch.Tensor, cells: list[tuple[int, int]]) -> Any:
        source = tuple(self.other[0].tolist())
        variants = [[mw.Patch(mw.Residual(layer, [p]), source)] for layer, p in cells]
        return self.ours.run_rows(ids, variants, positions=[-1])

    def _generated(self, edits: Any) -> list[int]:
        edits = list(edits)
        steps = self.ours.generate(self.ids, edits, max_new_tokens=GENERATED, temperature=0)
        return [step.id for step in steps]

    def _new(self) -> torch.Tensor:
        """The prompt with another first token, of which nothing is remembered."""
        ids = self.ids.clone()
        ids[0, 0] = next(self._unseen)
        return ids

    # -- the others -----------------------------------------------------------------------------

    def _others(self, method: str, *, plain: bool = False) -> Iterator[tuple[str, Any]]:
        """That method of every library that has it."""
        known = {"TransformerLens": self.lens, "nnsight": self.sight}
        for name, library in [*([("plain hooks", self.plain)] if plain else []), *known.items()]:
            if hasattr(library, method):
                yield name, getattr(library, method)

    def _loops(self) -> Iterator[tuple[str, Callable[..., torch.Tensor]]]:
        """What each library computes per head: as it is, and unembedding the last position only."""
        for name, head in self._others("head", plain=True):
            yield name, head
            yield f"{name}, last position", partial(head, **LAST)

    def _forwards(self) -> dict[str, torch.Tensor]:
        found = {name: forward(self.ids) for name, forward in self._others("forward")}
        return {"own": self.plain.own(self.ids), **found}

    def _sweeps(
        self,
        ours: Callable[[], object],
        cells: int,
        sample: list[tuple[int, int]],
        loops: dict[str, Callable[..., torch.Tensor]],
        repetitions: int | None = None,
    ) -> Times:
        """Seconds of our sweep, and of everybody's loop over as many cells."""
        actions = {
            (name, cell): partial(loop, self.ids, *cell)
            for cell in sample
            for name, loop in loops.items()
        }
        shortest = float("inf")
        times = dict.fromkeys(actions, float("inf"))
        for _ in range(repetitions or min(self.repetitions, 3)):
            shortest = min(shortest, timed(ours))
            for key, action in actions.items():
                times[key] = min(times[key], timed(action))
        totals = {
            name: cells / len(sample) * sum(times[name, cell] for cell in sample) for name in loops
        }
        return {"ours": shortest, **totals}

    def _same(self, ours: torch.Tensor, theirs: dict[str, torch.Tensor]) -> None:
        for name, found in theirs.items():
            there = found[:, -1:] if found.dim() == 3 and ours.shape[1] == 1 else found
            apart = float((ours - there).abs().max())
            if not apart <= SAME:
                raise OtherWorkError(
                    f"{self.name}, {self.n} tokens: {name} is {apart:.1e} away from ours."
                )


def _metric(logits: torch.Tensor) -> torch.Tensor:
    return logits[0, -1, 7] - logits[0, -1, 8]
