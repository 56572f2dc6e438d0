"""The kinds of metrics: this library's own and those of plugins, by the name that JSON has.

In: JSON that nobody has checked yet, or a metric from code. Out: metrics, and the menu of their
kinds; or a `TokenError` that says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mechwidget.analysis.metrics import EXAMPLE, BoundMetric, Metric, Parameter
from mechwidget.errors import TokenError
from mechwidget.plugin_api import REGISTRY

if TYPE_CHECKING:
    from mechwidget.analysis.metrics import Vocabulary
    from mechwidget.plugin_api import MetricKind

GROUP = "metrics"
_KINDS = ("token", "number")


def metric_from_json(data: object) -> Metric | None:
    """The metric that `data` describes; `None` stands for no metric.

    Raises:
        TokenError: `data` is not a metric; the message says which field is wrong.
    """
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise TokenError(f"A metric is an object or null, not {type(data).__name__}.", EXAMPLE)
    name = data.get("type")
    kind: MetricKind | None = REGISTRY.part(GROUP, name) if isinstance(name, str) else None
    if kind is None:
        record = REGISTRY.record(GROUP, name) if isinstance(name, str) else None
        why = f" {record.origin} has it, but {record.reason}." if record and record.reason else ""
        there = ", ".join(REGISTRY.names(GROUP))
        raise TokenError(f"No metric is called {name!r:.80}; there are {there}.{why}", EXAMPLE)
    made: Metric = kind.from_json(data)
    return made


def metric_kinds() -> tuple[type[MetricKind], ...]:
    """Every kind of metric that works."""
    return tuple(REGISTRY.parts(GROUP).values())


def bound_metric(metric: Metric, model: Vocabulary, n_positions: int) -> BoundMetric:
    """Bind a metric, which may be a plugin's and so return anything.

    Raises:
        TokenError: what the metric says, or that what it returns is not what it has to be.
    """
    bound: object = metric.bind(model, n_positions)
    if not isinstance(bound, BoundMetric):
        raise TokenError(
            f"{type(metric).__name__}.bind returned a {type(bound).__name__}; "
            "expected a BoundMetric."
        )
    if not 0 <= bound.position < n_positions:
        raise TokenError(f"{bound.label[:80]} reads position {bound.position}, and there is none.")
    _as_json(metric)
    return bound


def fault(name: str, part: Any) -> str:
    """Why something is no kind of metric; empty where it is one."""
    if not isinstance(part, type):
        return f"it is no class but a {type(part).__name__}"
    kind: Any = part
    if kind.kind != name:
        return f"its kind is {kind.kind!r:.40}, and its entry point is called {name!r}"
    if not isinstance(kind.title, str) or not kind.title.strip():
        return "its title has to be text"
    if not isinstance(kind.parameters, tuple) or not all(map(_is_parameter, kind.parameters)):
        return "its parameters have to be a tuple of mechwidget.analysis.Parameter"
    return ""


def _is_parameter(part: object) -> bool:
    return isinstance(part, Parameter) and part.kind in _KINDS


def _as_json(metric: Metric) -> None:
    data: object = metric.to_json()
    try:
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TokenError(f"{type(metric).__name__}.to_json is no JSON: {error}.") from error
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise TokenError(f"{type(metric).__name__}.to_json has to be an object with a type.")
