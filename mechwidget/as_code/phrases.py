"""Every intervention as lines of a script with hooks: the same arithmetic, written out.

The functions are given the tensor of a site and return what flows on. Which index a head has, and
how a run without edits is read, is the dialect's.

In: an intervention and its number in the list. Out: a `Phrase`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.as_code.experiment import not_in
from mechwidget.as_code.layout import Expression, call, comment, listed, number, numbers, statement
from mechwidget.as_code.pattern_phrases import (
    freeze_patterns,
    knock_out,
    replace_pattern,
)
from mechwidget.as_code.phrase import Dialect, Phrase, Step, argument_of
from mechwidget.interventions import Edge, ExpertNeuron, Feature, Head, Layer, Neuron, Vector
from mechwidget.interventions.kinds import intervention_kind
from mechwidget.models import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.as_code.experiment import Experiment
    from mechwidget.interventions import (
        Ablate,
        Component,
        Freeze,
        Intervention,
        KnockOut,
        Patch,
        ReplacePattern,
        Scale,
        SetValue,
        SkipLayer,
        Steer,
    )

MOST_INLINE = 64  # numbers of a vector that stand in the script
_SHORT = 24  # columns of a list of positions inside an index


def phrase_of(
    intervention: Intervention, index: int, experiment: Experiment, dialect: Dialect
) -> Phrase:
    """The phrase of one intervention, the `index`-th of the list counted from 1."""
    phrase = Phrase(comment(intervention.sentence))
    writer = _Writer(phrase, index, experiment, dialect)
    known = intervention_kind(intervention.kind) is type(intervention)
    write = getattr(writer, intervention.kind, None) if known else None
    if write is None:
        raise not_in(dialect.style, f"it has no words for {type(intervention).__name__}")
    if isinstance(intervention.target, ExpertNeuron):
        raise not_in(dialect.style, "neurons of routed experts are no module's input")
    if isinstance(intervention.target, Feature):
        raise not_in(dialect.style, "a feature's dictionary is in none of these scripts")
    write(intervention)
    return phrase


class _Writer:
    """Writes one phrase: a method for each kind of intervention, called as its JSON says."""

    def __init__(self, phrase: Phrase, index: int, of: Experiment, dialect: Dialect) -> None:
        self.phrase, self.i, self.of, self.dialect = phrase, index, of, dialect
        self.half = str(of.model.dtype) in ("torch.float16", "torch.bfloat16")

    @property
    def entered(self) -> str:
        """What entered a block, as a step before has remembered it."""
        return f'entered_{self.i}["stream"]'

    def number(self, value: float) -> str:
        """A number's digits."""
        return number(value, double=self.of.double)

    def change(self, component: Component, value: str) -> None:
        """Put `value` in the place of what a component holds; `{x}` in it is what it held."""
        at = self.at(component, self.rows(component))
        x = f"{argument_of(component.site)}[{at}]"
        self.edit(component, [f"{x} = {value.format(x=x)}"])

    def ablate(self, ablate: Ablate) -> None:
        """Zero, mean or resample."""
        if ablate.mode == "zero":
            self.change(ablate.component, "0.0")
        elif ablate.mode == "mean":
            self.mean(ablate)
        else:
            self.resample(ablate)

    def scale(self, scale: Scale) -> None:
        """Times a number; of a layer, what it adds."""
        if isinstance(scale.component, Layer):
            self.layer(scale.component, scale.factor)
        else:
            self.change(scale.component, f"{{x}} * {self.number(scale.factor)}")

    def skip_layer(self, skip: SkipLayer) -> None:
        """A layer that adds nothing."""
        self.layer(skip.component, 0.0)

    def knock_out(self, cut: KnockOut) -> None:
        """See `pattern_phrases`."""
        self.dialect.require_pattern(cut.component.layer)
        knock_out(self.phrase, self.i, cut, self.of, self.dialect)

    def replace_pattern(self, replace: ReplacePattern) -> None:
        """See `pattern_phrases`."""
        self.dialect.require_pattern(replace.component.layer)
        replace_pattern(self.phrase, self.i, replace, self.of, self.dialect)

    def freeze(self, freeze: Freeze) -> None:
        """What the baseline held, of every pattern or of a component."""
        component = freeze.component
        if isinstance(component, str):
            if component != "pattern":
                raise not_in(self.dialect.style, "what a norm divides by is no module's output")
            freeze_patterns(self.phrase, self.i, freeze, self.of, self.dialect)
            return
        self.add(f"held_{self.i} = ", self.held(component.site, "ids"))
        at = self.at(component, self.rows(component))
        self.edit(component, [f"{argument_of(component.site)}[{at}] = held_{self.i}[{at}]"])

    def mean(self, ablate: Ablate) -> None:
        """The mean of what reference prompts' runs held."""
        i, component = self.i, ablate.component
        prompts = listed(self.of.written(prompt) for prompt in ablate.over)
        self.add(f"prompts_{i} = ", prompts)
        unit = self.at(component, None).replace(":", "0", 1)
        read = self.held(component.site, "tokens_of(other)")
        self.phrase.lines += [
            f"held_{i} = []",
            f"for other in prompts_{i}:",
            *statement(f"tensor_{i} = ", read, indent="    "),
            f"    held_{i}.append(tensor_{i}[{unit}].float())",
        ]
        if not ablate.by_position:
            self.phrase.lines.append(f"mean_{i} = torch.cat(held_{i}).mean(0)")
        else:
            rows = self.rows(component)
            where = f"range({self.n(component)})" if rows is None else self.positions(rows)
            self.phrase.lines += [
                f"mean_{i} = [",
                f"    torch.stack([h[p] for h in held_{i} if len(h) > p]).mean(0)",
                f"    for p in {where}",
                "]",
                f"mean_{i} = torch.stack(mean_{i})",
            ]
        self.change(component, f"mean_{i}.to({argument_of(component.site)})")

    def resample(self, ablate: Ablate) -> None:
        """What one run of a reference prompt held."""
        model = self.of.model
        picked = ablate.edits(model, self.n(ablate.component))[0].sources[0]
        source = next(each for each in ablate.over if model.tokenize(each) == picked)
        rows, n = self.rows(ablate.component), self.n(ablate.component)
        longer = model.n_positions(model.tokenize(source), ablate.component.layer) > n
        self.copy(ablate.component, rows, list(range(n)) if longer and not rows else rows, source)

    def patch(self, patch: Patch) -> None:
        """What the other prompt's run held."""
        model, layer = self.of.model, patch.component.layer
        m = model.n_positions(model.tokenize(patch.source), layer)
        here, there = patch.aligned(self.n(patch.component), m)
        self.copy(patch.component, here, there, patch.source)

    def copy(
        self,
        component: Component,
        here: list[int] | None,
        there: list[int] | None,
        source: Any,
    ) -> None:
        """Put what a component held in a run of `source` in the place of what it holds."""
        i = self.i
        self.add(f"ids_{i} = ", call("tokens_of", self.of.written(source)))
        self.add(f"held_{i} = ", self.held(component.site, f"ids_{i}"))
        to = self.at(component, here)
        given = to if here == there else self.at(component, there, "there")
        argument = argument_of(component.site)
        self.edit(component, [f"{argument}[{to}] = held_{i}[{given}]"])

    def set_value(self, intervention: SetValue) -> None:
        """Given numbers, the same everywhere or one per position."""
        component, value = intervention.component, intervention.value
        x, n = argument_of(component.site), self.n(component)
        if not isinstance(value, tuple):
            at = self.at(component, self.rows(component))
            self.edit(component, [f"{x}[{at}] = {self.given(value, x)}"])
            return
        lines = [
            f"{x}[{self.at(component, [component.place(position, n)])}] = "
            f"{self.given(one, x, f'_{place}')}"
            for place, (position, one) in enumerate(value, 1)
        ]
        self.edit(component, lines)

    def given(self, value: float | Vector, argument: str, which: str = "") -> str:
        """An expression for a number or a vector."""
        if not isinstance(value, Vector):
            return self.number(value)
        self.vector(value, which)
        return f"vector_{self.i}{which}.to({argument})"

    def steer(self, steer: Steer) -> None:
        """Along a direction: added, projected out, clamped."""
        i, component = self.i, steer.component
        self.vector(steer.vector)
        argument, at = argument_of(component.site), self.at(component, self.rows(component))
        share, c = steer.unit == "share", self.number(steer.coefficient)
        lines = [f"x = {argument}[{at}]{'.float()' if self.half else ''}"]
        lines.append(f"v = vector_{i}.to(x)")
        target = c
        if share or steer.mode != "add":
            lines.append("v = v / v.norm()")
        if share:
            lines.append(f"target = {c} * x.norm(dim=-1, keepdim=True)")
            target = "target"
        if steer.mode != "add":
            lines.append("along = (x @ v).unsqueeze(-1)")
        moved = {
            "add": f"x + {target} * v",
            "project out": "x - along * v",
            "clamp along": f"x + ({target} - along) * v",
        }[steer.mode]
        moved = f"({moved}).to({argument})" if self.half else moved
        self.edit(component, [*lines, f"{argument}[{at}] = {moved}"])

    def layer(self, layer: Layer, factor: float) -> None:
        """What a layer adds, times a number."""
        at = self.at(layer, self.rows(layer))
        self.enter(Site("resid_pre", layer.layer))
        entered = f"{self.entered}.to(stream.device)"
        lines = [f"before = {entered}[{at}]"]
        if factor == 0:
            lines.append(f"stream[{at}] = before")
        else:
            added = f"stream[{at}] - before"
            lines.append(f"stream[{at}] = before + {self.number(factor)} * ({added})")
        self.edit(layer, lines)

    # -- the parts that they are made of

    def edit(self, component: Component, lines: Sequence[str]) -> None:
        """A function that copies its tensor, runs `lines` on it and returns it."""
        site, name = component.site, f"edit_{self.i}"
        argument, factor = argument_of(site), self.dialect.factor(site)
        if isinstance(component, Edge):
            self.dialect.require_pattern(component.layer)
        first, last = f"{argument} = {argument}.clone()", f"return {argument}"
        if site.name == "resid_mid":
            self.enter(Site("resid_pre", component.layer))
            argument = "written"
            scaled = "written" if factor == 1 else f"{factor} * written"
            first = f"stream = {self.entered} + {scaled}"
            left = f"stream - {self.entered}"
            last = f"return {left}" if factor == 1 else f"return ({left}) / {factor}"
        elif factor != 1:
            first = f"{argument} = {factor} * {argument}  # what the stream receives"
            last = f"return {argument} / {factor}"
        self.phrase.define(self.dialect.signature(name, argument), [first, *lines, last])
        self.phrase.steps.append(Step(site, name))

    def enter(self, site: Site) -> None:
        """A function that remembers what enters a block."""
        name = f"enter_{self.i}"
        body = [f"{self.entered} = stream.clone()", "return stream"]
        self.phrase.lines.append(f"entered_{self.i} = {{}}")
        self.phrase.define(self.dialect.signature(name, "stream"), body)
        self.phrase.steps.append(Step(site, name, looks=True))

    def vector(self, vector: Vector, which: str = "") -> None:
        """The tensor `vector_i`: its numbers, or a name that is taken from where it is run."""
        name = f"vector_{self.i}{which}"
        if len(vector) > MOST_INLINE:
            self.phrase.taken[name] = f"{vector}, {len(vector):,} numbers of norm {vector.norm:.4g}"
            self.phrase.lines.append(f"{name} = torch.as_tensor({name})")
            return
        values = numbers(vector.values, double=self.of.double)
        kind: dict[str, Expression] = {"dtype": "torch.float64"} if self.of.double else {}
        self.add(f"{name} = ", call("torch.tensor", values, **kind))

    def held(self, site: Site, ids: str) -> Expression:
        """An expression for what a site held in a run of `ids`."""
        return self.dialect.held(site, ids)

    def add(self, before: str, expression: Expression) -> None:
        """A statement before the functions."""
        self.phrase.lines += statement(before, expression)

    def n(self, component: Component) -> int:
        """How many positions there are where a component is."""
        return self.of.model.n_positions(self.of.tokens, component.layer)

    def rows(self, component: Component) -> list[int] | None:
        """A component's positions, counted from 0."""
        return component.rows(self.n(component))

    def at(self, component: Component, rows: list[int] | None, name: str = "positions") -> str:
        """Where a component's activation is in the tensor that a function is given."""
        if isinstance(component, Edge):
            _, head, query, key = component.within(self.n(component))
            return f":, {head}, {query}, {key}"
        where = ":" if rows is None else f":, {self.positions(rows, name)}"
        if isinstance(component, Head):
            return f"{where if rows is not None else ':, :'}, {self.dialect.head(component)}"
        if isinstance(component, Neuron):
            return f"{where if rows is not None else ':, :'}, {component.index}"
        return where

    def positions(self, rows: list[int], name: str = "positions") -> str:
        """Positions inside an index: themselves, or a variable where they are many."""
        if len(str(rows)) <= _SHORT:
            return str(rows)
        variable = f"{name}_{self.i}"
        run = rows == list(range(rows[0], rows[-1] + 1))
        said: Any = f"list(range({rows[0]}, {rows[-1] + 1}))" if run else numbers(rows)
        lines = statement(f"{variable} = ", said)
        if lines[0] not in self.phrase.lines:
            self.phrase.lines += lines
        return variable
