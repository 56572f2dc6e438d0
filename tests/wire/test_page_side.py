"""The page's side of the wire says the same as ours.

What Python encodes is written to `js/tests/wire/frames.json`, which the page's own tests decode;
here it is checked that the file is what this code makes today. After a change of the format:

    MECHWIDGET_WRITE_FIXTURES=1 pytest tests/wire/test_page_side.py && npm run format
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mechwidget.wire import Frame, encode, limits
from mechwidget.wire.outbox import chunks

JS = Path(__file__).parents[2] / "js"
FIXTURE = JS / "tests" / "wire" / "frames.json"


def test_the_fixture_of_the_page_is_what_python_encodes() -> None:
    text = json.dumps(fixture(), indent=1, allow_nan=False) + "\n"
    if os.environ.get("MECHWIDGET_WRITE_FIXTURES"):
        FIXTURE.write_text(text, encoding="utf-8")
    kept = json.loads(FIXTURE.read_text(encoding="utf-8"))
    assert kept == json.loads(text), "the format has changed: see the top of this file"


def fixture() -> dict[str, Any]:
    """Frames of every kind, and one answer in pieces."""
    return {"frames": [described(*case) for case in cases()], "pieces": pieces()}


def cases() -> list[tuple[str, Frame]]:
    odd = np.array([0, -0.0, 1, -1, 65504, 6e-8, 6.1e-5, np.nan, np.inf, -np.inf, 1 / 3])
    made: list[tuple[str, Frame]] = [("odd numbers", encode(odd, "f16"))]
    made.append(("odd numbers", encode(odd, "f32")))
    for dtype in ("u8", "f16", "f32"):
        made.append((f"dense {dtype}", encode(scattered(3, 2, 5) - 0.5, dtype)))
        made.append((f"tril {dtype}", encode(scattered(2, 4, 4), dtype, "tril")))
        made.append((f"one axis {dtype}", encode(scattered(7) * 1e4, dtype)))
        made.append((f"nothing {dtype}", encode(np.zeros((0, 3)), dtype)))
        made.append((f"no tokens {dtype}", encode(np.zeros((2, 0, 0)), dtype, "tril")))
    made.append(("one value", encode(np.full((2, 2), -3.5), "u8")))
    made.append(("pattern", encode(scattered(6, 6), "u8", "tril", (0, 1))))
    made.append(("both ways", encode(scattered(5, 5), "u8", "dense", (0, 1))))
    made.append(("to other tokens", encode(scattered(2, 7), "u8", "dense", (0, 1))))
    return made


def scattered(*shape: int) -> np.ndarray:
    """Numbers between 0 and 1 that are the same on every machine and in every numpy."""
    return (np.arange(np.prod(shape)) * 7919 % 997 / 996).reshape(shape)


def described(name: str, frame: Frame) -> dict[str, Any]:
    """A frame, and what the page has to read from it."""
    dense = [said(value) for value in frame.values().ravel()]
    data = base64.b64encode(frame.data).decode()
    return {"name": name, "header": frame.header(), "data": data, "dense": dense}


def said(value: np.float32) -> float | str:
    """A number, or as text what JSON cannot say (and bundlers lose: the sign of zero)."""
    lost = not np.isfinite(value) or (value == 0 and np.signbit(value))
    return str(value) if lost else float(value)


def pieces() -> dict[str, Any]:
    """One answer larger than a chunk, with the chunk size cut down to keep the file small."""
    frames = [encode(np.arange(5) * 1.5), encode(np.tri(3), "u8", "tril")]
    message = {"v": 1, "id": "ID", "ok": True, "result": {"n": 2}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mechwidget.wire.outbox.MAX_CHUNK_BYTES", 9)
        parts = list(chunks(message, frames))
    return {
        "messages": [content for content, _ in parts],
        "data": [[base64.b64encode(one).decode() for one in buffers] for _, buffers in parts],
        "dense": [frame.values().ravel().tolist() for frame in frames],
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "file"),
    [
        (limits.MAX_ANSWER_BYTES, "MAX_ANSWER_BYTES", "wire/limits.ts"),
        (limits.MAX_INCOMING_BYTES, "MAX_OUTGOING_BYTES", "wire/limits.ts"),
        (limits.MAX_RANK, "MAX_RANK", "wire/limits.ts"),
        (limits.PROTOCOL, "PROTOCOL", "types.ts"),
    ],
)
def test_both_sides_have_the_same_limits(ours: int, theirs: str, file: str) -> None:
    text = (JS / file).read_text(encoding="utf-8")
    found = re.search(rf"export const {theirs} = ([\d_* ]+);", text)
    assert found is not None
    numbers = re.sub(r"[_ ]", "", found[1])
    value = 1
    for factor in numbers.replace("**", "^").split("*"):
        base, _, power = factor.partition("^")
        value *= int(base) ** int(power or 1)
    assert value == ours
