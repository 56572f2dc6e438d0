"""Interventions on attention patterns as lines of a script with hooks.

In: an intervention on a pattern `[batch, head, query, key]` and its number in the list. Out: lines
and steps, added to its phrase.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.as_code.layout import call, listed, numbers, statement
from mechwidget.as_code.phrase import Dialect, Phrase, Step
from mechwidget.models import Site

if TYPE_CHECKING:
    from mechwidget.as_code.experiment import Experiment
    from mechwidget.interventions import Freeze, KnockOut, ReplacePattern

MOST_ROWS = 16  # of a given pattern that stands in the script


def knock_out(
    phrase: Phrase, index: int, cut: KnockOut, experiment: Experiment, dialect: Dialect
) -> None:
    """One entry of a row set to 0; renormalised, the rest divided by what is left."""
    edge, model = cut.component, experiment.model
    n = model.n_positions(experiment.tokens, edge.layer)
    _, head, query, key = edge.within(n)
    attention = model.ledger.blocks[edge.layer].attention
    row = f"pattern[:, {head}, {query}]"
    lines = ["pattern = pattern.clone()"]
    if not cut.renormalise:
        lines.append(f"pattern[:, {head}, {query}, {key}] = 0.0")
    else:
        sink = attention is not None and attention.sink
        if sink:
            share = "  # the share that goes to no key"
            lines.append(f"sink = 1 - {row}.float().sum(-1, keepdim=True){share}")
        lines += [
            f"row = {row}.float().clone()",
            f"row[:, {key}] = 0.0",
            f"left = row.sum(-1, keepdim=True){' + sink' if sink else ''}",
            f"{row} = (row / left.clamp(min=1e-30)).to(pattern)",
        ]
    phrase.define(dialect.signature(f"edit_{index}", "pattern"), [*lines, "return pattern"])
    phrase.steps.append(Step(edge.site, f"edit_{index}"))


def replace_pattern(
    phrase: Phrase, index: int, replace: ReplacePattern, experiment: Experiment, dialect: Dialect
) -> None:
    """One head's rows, by the name of a pattern or as they are given."""
    component, pattern = replace.component, replace.pattern
    n = experiment.model.n_positions(experiment.tokens, component.layer)
    rows, head = component.rows(n), component.unit
    queries = f"range({n})" if rows is None else f"queries_{index}"
    if rows is not None:
        phrase.lines += statement(f"queries_{index} = ", numbers(rows))
    lines = ["pattern = pattern.clone()"]
    if isinstance(pattern, str):
        entry = {
            "first": "0] = 1.0",
            "previous": "max(query - 1, 0)] = 1.0",
            "self": "query] = 1.0",
            "uniform": ": query + 1] = 1 / (query + 1)",
        }[pattern]
        lines += [
            f"for query in {queries}:",
            f"    pattern[:, {head}, query] = 0.0",
            f"    pattern[:, {head}, query, {entry}",
        ]
    else:
        given = f"given_{index}"
        if n > MOST_ROWS:
            phrase.taken[given] = f"a pattern [query, key] of {n} by {n} numbers"
            phrase.lines.append(f"{given} = torch.as_tensor({given})")
        else:
            matrix = listed(numbers(row, double=experiment.double) for row in pattern)
            phrase.lines += statement(f"{given} = ", call("torch.tensor", matrix))
        one = f"{given}.to(pattern)"
        where = "" if rows is None else f", {queries}"
        taken = one if rows is None else f"{one}[{queries}]"
        lines.append(f"pattern[:, {head}{where}] = {taken}")
    phrase.define(dialect.signature(f"edit_{index}", "pattern"), [*lines, "return pattern"])
    phrase.steps.append(Step(Site("pattern", component.layer), f"edit_{index}"))


def freeze_patterns(
    phrase: Phrase, index: int, freeze: Freeze, experiment: Experiment, dialect: Dialect
) -> None:
    """The patterns of the baseline, put back layer by layer."""
    n = experiment.model.n_positions(experiment.tokens, 0)
    layers = [edit.site.layer or 0 for edit in freeze.edits(experiment.model, n)]
    for layer in layers:
        dialect.require_pattern(layer)
    phrase.lines += statement(f"patterns_{index} = ", dialect.patterns(layers))
    inner = dialect.signature("edit", "pattern")
    body = [f"def {inner}:", f"    return patterns_{index}[layer]", "", "return edit"]
    phrase.define(f"freeze_{index}(layer)", body)
    phrase.steps += [Step(Site("pattern", layer), f"freeze_{index}({layer})") for layer in layers]
