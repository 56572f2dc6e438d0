"""Arguments are what the op expects, or the error names what it expected."""

from __future__ import annotations

import pytest

from mechwidget.errors import ProtocolError
from mechwidget.wire import Arguments

ARGS = Arguments(
    {"layer": 3, "on": True, "prompt": "hi", "name": "induction", "component": {"type": "head"}}
)


def test_each_argument_is_read_as_its_type() -> None:
    assert ARGS.integer("layer", 0, 3) == 3
    assert ARGS.boolean("on") is True
    assert ARGS.text("prompt") == "hi"
    assert ARGS.choice("name", "induction", "previous_token") == "induction"
    assert ARGS.mapping("component") == {"type": "head"}
    assert dict(ARGS.only(*ARGS)) == dict(ARGS)
    assert ARGS.get("missing", 7) == 7
    assert "missing" not in ARGS
    assert len(ARGS) == 5


@pytest.mark.parametrize(
    ("reading", "needle"),
    [
        (lambda: ARGS.integer("layer", 0, 2), "from 0 to 2, not 3"),
        (lambda: ARGS.integer("on", 0, 2), "whole number"),
        (lambda: ARGS.integer("prompt", 0, 2), "whole number"),
        (lambda: ARGS.integer("missing", 0, 2), "'missing' is missing"),
        (lambda: ARGS.text("prompt", 1), "at most 1 char"),
        (lambda: ARGS.text("layer"), "text"),
        (lambda: ARGS.boolean("layer"), "true or false"),
        (lambda: ARGS.choice("prompt", "a", "b"), "one of a, b"),
        (lambda: ARGS.choice("component", "a"), "one of a"),
        (lambda: ARGS.mapping("prompt"), "an object"),
        (lambda: ARGS.only("layer"), "no argument 'component'"),
        (lambda: Arguments({"x": 1}).only(), "takes no arguments"),
    ],
)
def test_the_error_names_argument_and_expectation(reading: object, needle: str) -> None:
    with pytest.raises(ProtocolError, match=needle):
        reading()  # type: ignore[operator]
