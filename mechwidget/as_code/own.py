"""The style "mechwidget": the experiment in this library's own words.

In: an experiment. Out: the script.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

import mechwidget
from mechwidget.as_code.dictionaries import registrations
from mechwidget.as_code.experiment import Experiment, has_named_places, not_in
from mechwidget.as_code.layout import (
    Expression,
    Group,
    Text,
    call,
    comment,
    listed,
    number,
    numbers,
    quoted,
    statement,
)
from mechwidget.as_code.origin import from_memory, is_bridged, loaded_here
from mechwidget.as_code.pattern_phrases import MOST_ROWS
from mechwidget.as_code.phrases import MOST_INLINE
from mechwidget.as_code.prelude import joined, taken
from mechwidget.as_code.reporting import N_TOP
from mechwidget.errors import InterventionError
from mechwidget.interventions import Component, Vector
from mechwidget.interventions.fields import source
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.raw_signal import RawSignal
from mechwidget.plugin_api import REGISTRY

if TYPE_CHECKING:
    from mechwidget.interventions import Intervention

STYLE = "mechwidget"


def own(experiment: Experiment) -> str:
    """The script."""
    writer = _Writer(experiment)
    listing = [
        "interventions = [",
        *(
            line
            for i, each in enumerate(experiment.interventions, 1)
            for line in writer.item(each, i)
        ),
        "]",
    ]
    if not experiment.interventions:
        listing = ["interventions = []"]
    metric = experiment.metric
    if metric is not None:
        listing += statement("metric = ", writer.value(metric, "metric"))
    prompt = statement("prompt = ", writer.prompt(experiment.prompt))
    return joined(
        [
            "# An experiment in mechwidget.",
            *_start(experiment, writer),
            "",
            *prompt,
            *listing,
            "",
            "before = model.run(prompt)",
            "after = model.run(prompt, interventions)",
            *_printing(experiment),
        ]
    )


def _start(experiment: Experiment, writer: _Writer) -> list[str]:
    model = experiment.model
    memory: list[str] = []
    lines: list[str] = []
    if model.loaded_from:
        lines = loaded_here(model)
    elif not isinstance(model.source, ForwardSource) or has_named_places(model):
        what = "the HookedModel that is in memory, made by mw.wrap"
        memory = [*comment(f"`model`: {what}"), "from __main__ import model"]
    elif is_bridged(model):
        memory = from_memory(model, "bridge", tokenizer=False, bridged=True)
        lines = ["model = mw.wrap(bridge)"]
    else:
        memory = from_memory(model, "model")
        tokenizer = ", tokenizer" if model.tokenizer is not None else ""
        lines = [f"model = mw.wrap(model{tokenizer})"]
    plugins = [
        f"from {module} import {', '.join(sorted(names))}"
        for module, names in sorted(writer.imported.items())
    ]
    dictionaries, known = registrations(experiment.interventions)
    memory += [*dictionaries, *taken(writer.taken)]
    parts = ["import mechwidget as mw", *plugins], memory, [*lines, *known]
    return [line for part in parts if part for line in ("", *part)]


class _Writer:
    """Writes values as calls of public names."""

    def __init__(self, experiment: Experiment) -> None:
        self.double = experiment.double
        self.taken: dict[str, str] = {}
        self.imported: dict[str, set[str]] = {}

    def item(self, intervention: Intervention, index: int) -> list[str]:
        said = [f"    {line}" for line in comment(intervention.sentence)]
        return [*said, *statement("", self.value(intervention, str(index)), ",", "    ")]

    def prompt(self, prompt: Any) -> Expression:
        """Text or ids, or both stacks' of them; pixels and sound are taken."""
        try:
            given = source(prompt, "The prompt")
        except InterventionError:
            raise not_in(STYLE, "the prompt is neither text nor ids", "Run it in code.") from None
        return self.value(given, "")

    def value(self, value: Any, index: str) -> Expression:
        """A value as source; an intervention's `index` names what is too long to be written."""
        if isinstance(value, bool) or value is None:
            return repr(value)
        if isinstance(value, str):
            return Text(value)
        if isinstance(value, int | float):
            return number(value, double=self.double)
        if isinstance(value, Vector):
            return self._vector(value, index)
        if isinstance(value, RawSignal):
            return self._taken(f"source_{index}" if index else "signal", str(value))
        if isinstance(value, tuple):
            return self._listed(value, index)
        return self._call(value, self._name(type(value)), index)

    def _name(self, kind: type[Any]) -> str:
        """How a class is written: as a name of mechwidget's, or imported from a plugin."""
        name = kind.__name__
        if issubclass(kind, Component) or name in mechwidget.__all__:
            return f"mw.{name}"
        if not is_dataclass(kind) or not _is_plugins(kind):
            raise not_in(STYLE, f"{name} is no name of mechwidget's", "Run it in code.")
        self.imported.setdefault(kind.__module__, set()).add(name)
        return name

    def _call(self, value: Any, name: str, index: str) -> Group:
        items: list[tuple[str, Expression]] = []
        bare = True  # positional as long as nothing is left out
        for field in fields(value):
            held = getattr(value, field.name)
            if not field.repr:
                continue
            if field.default is not MISSING and held == field.default:
                bare = False
                continue
            required = field.default is MISSING
            items.append(("" if bare and required else f"{field.name}=", self.value(held, index)))
        return Group(f"{name}(", tuple(items), ")")

    def _vector(self, vector: Vector, index: str) -> Expression:
        if len(vector) > MOST_INLINE:
            said = f"{vector}, {len(vector):,} numbers of norm {vector.norm:.4g}"
            return self._taken(f"vector_{index}", said)
        values = numbers(vector.values, double=self.double)
        named = (quoted(vector.name),) if vector.name else ()
        return call("mw.Vector", values, *named)

    def _listed(self, value: tuple[Any, ...], index: str) -> Expression:
        if all(isinstance(item, int | float) for item in value):
            return numbers(value, double=self.double)
        if len(value) > MOST_ROWS and all(isinstance(item, tuple) for item in value):
            rows = cast("tuple[tuple[float, ...], ...]", value)
            if len(rows[0]) > 2:  # no pairs
                said = f"a pattern [query, key] of {len(rows)} by {len(rows[0])} numbers"
                return self._taken(f"given_{index}", said)
        return listed(self.value(item, index) for item in value)

    def _taken(self, name: str, what: str) -> str:
        """A name that the script takes from where it is run; one intervention may need several."""
        if name in self.taken:
            name = f"{name}_{len(self.taken)}"
        self.taken[name] = what
        return name


def _is_plugins(kind: type[Any]) -> bool:
    """Whether a class is a part that an installed package has declared."""
    name = getattr(kind, "kind", "")
    return any(REGISTRY.part(group, name) is kind for group in ("interventions", "metrics"))


def _printing(experiment: Experiment) -> list[str]:
    position = experiment.position
    n_top = min(N_TOP, experiment.model.vocab_size)
    lines = [
        'for when, run in (("before", before), ("after", after)):',
        f"    best = run.logits[0, {position}].float().softmax(-1).topk({n_top})",
        "    tokens = [model.token_text(token) for token in best.indices.tolist()]",
        "    top = zip(tokens, best.values.tolist())",
        '    print(when, ", ".join(f"{token!r} {share:.3f}" for token, share in top))',
    ]
    if experiment.bound is not None:
        lines = [f"bound = metric.bind(model, {len(experiment.tokens)})", *lines]
        read = "bound(run.logits[0, bound.position]) for run in (before, after)"
        lines.append(f"first, second = ({read})")
        lines.append('print(f"metric: {first:.8g} -> {second:.8g}")')
    return lines
