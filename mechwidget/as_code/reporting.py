"""The end of a script: the metric, and what it prints.

In: an experiment. Out: lines that define `metric(logits)`, and lines that print it and the top
tokens of `before` and `after`, logits `[1, pos, vocab]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.analysis import LogitDiff
from mechwidget.as_code.layout import comment, shown

if TYPE_CHECKING:
    from mechwidget.as_code.experiment import Experiment

N_TOP = 5


def metric_lines(experiment: Experiment) -> list[str]:
    """The definition of `metric`; nothing without one."""
    bound, metric = experiment.bound, experiment.metric
    if bound is None:
        return []
    texts = [repr(shown(experiment.model.token_text(token))) for token in bound.tokens]
    if isinstance(metric, LogitDiff):
        a, b = bound.tokens
        said = comment(f"logit difference: {texts[0]} (token {a}) over {texts[1]} (token {b})")
        value = [
            f"    logits = logits[0, {bound.position}].double().cpu()",
            f"    return (logits[{a}] - logits[{b}]).item()",
        ]
    else:
        said = comment(f"probability of {texts[0]} (token {bound.tokens[0]})")
        value = [
            f"    logits = logits[0, {bound.position}].double().cpu()",
            f"    return logits.softmax(-1)[{bound.tokens[0]}].item()",
        ]
    return [*said, "def metric(logits):", *value]


def printing(experiment: Experiment) -> list[str]:
    """The last lines, which print."""
    n_top = min(N_TOP, experiment.model.vocab_size)
    if experiment.model.tokenizer is None:
        tokens = "best.indices.tolist()"
    else:
        tokens = "[tokenizer.decode([token]) for token in best.indices.tolist()]"
    lines = [
        'for when, logits in (("before", before), ("after", after)):',
        f"    best = logits[0, {experiment.position}].float().softmax(-1).topk({n_top})",
        f"    tokens = {tokens}",
        "    top = zip(tokens, best.values.tolist())",
        '    print(when, ", ".join(f"{token!r} {share:.3f}" for token, share in top))',
    ]
    if experiment.bound is not None:
        lines.append('print(f"metric: {metric(before):.8g} -> {metric(after):.8g}")')
    return lines
