"""Recipes as text: what goes in comes out, in one order; what is no recipe is told why."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mechwidget.recipes import MOST_BYTES, RecipeError, dumps, loads, packed, unpacked, validate
from tests.recipes.documents import ANYTHING, FULL, documents, full

LAWS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LAWS
@given(documents())
def test_what_is_written_is_read_again(document):
    text = dumps(document)
    assert loads(text) == loads(text.encode(errors="strict")) == document
    assert dumps(loads(text)) == text
    assert [each for each in validate(document) if each.severity == "error"] == []


@LAWS
@given(st.dictionaries(st.text(), ANYTHING), st.randoms())
def test_known_fields_have_one_order_and_json_agrees(later, random):
    document = FULL | {f"later {name}": value for name, value in later.items()}
    names = list(document)
    random.shuffle(names)
    shuffled = {name: document[name] for name in names}
    text = dumps(shuffled)
    assert json.loads(text) == document
    assert [name for name in json.loads(text) if name in FULL] == list(FULL)


def test_it_is_readable():
    lines = dumps(FULL).splitlines()
    assert max(map(len, lines)) <= 110 or any("base64" in line for line in lines)
    assert '      "ids": [1, 2],' in lines or '"ids": [1, 2]' in dumps(FULL)
    assert dumps(FULL).endswith("}\n")
    assert "·" in dumps(full(title="a·b"))  # not \u00b7


def test_half_a_character_survives_in_a_file_that_is_utf_8():
    document = full(title="\ud83d")
    assert loads(dumps(document).encode()) == document


BAD = {
    "not JSON": (b"{'a': 1}", "not JSON.*line 1"),
    "cut off": (dumps(FULL).encode()[:-40], "not JSON"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8.*byte 7 is 0xff"),
    "NaN": (b'{"a": NaN}', "the number NaN"),
    "infinity": (b'{"a": -Infinity}', "the number -Infinity"),
    "too large a number": (b'{"a": {"b": [1e999]}}', r"a\.b\[0\] is too large a number"),
    "a list": (b"[]", "an object, and this is a list"),
    "null": (b"null", "an object, and this is null"),
    "empty": (b"", "not JSON"),
    "deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested more than 64"),
    "deep lists": (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested more than 64"),
    "somewhat deep": (b'{"a":' + b"[" * 80 + b"]" * 80 + b"}", "nested more than 64"),
    "twice": (b'{"a": 1, "a": 2}', "“a” twice"),
    "digits": (b'{"a": ' + b"9" * 5000 + b"}", "thousands of digits"),
    "a hundred megabytes": (b" " * 100 * 2**20, "100.0 MB; a recipe has at most 16"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD.keys())
def test_what_is_no_recipe_is_told_in_a_sentence(text, said):
    began = time.monotonic()
    with pytest.raises(RecipeError) as told:
        loads(text)
    assert time.monotonic() - began < 2
    told.match(said)
    assert len(str(told.value)) < 400
    if text.isascii():
        with pytest.raises(RecipeError):
            loads(text.decode())


@pytest.mark.parametrize("value", [math.nan, math.inf, b"bytes", {1: 2}, {1, 2}, object()])
def test_what_json_has_not_is_not_written(value):
    with pytest.raises(RecipeError, match="title"):
        dumps(full(title=value))


def test_what_is_too_large_is_not_written_either():
    with pytest.raises(RecipeError, match="at most 16"):
        dumps(full(notes="x" * MOST_BYTES))
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(RecipeError, match="deep"):
        dumps(full(title=deep))


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LISTS = st.lists(NUMBERS, max_size=40) | st.lists(NUMBERS, max_size=40).map(lambda row: [row] * 3)


@LAWS
@given(LISTS | ANYTHING)
def test_packed_numbers_are_the_same_to_the_last_bit(value):
    again = unpacked(packed(value))
    assert again == value
    assert repr(again) == repr(value)


def test_float32_is_packed_as_such_and_small_lists_stay_readable():
    assert packed([0.5, 1.5]) == [0.5, 1.5]
    assert packed([n / 8 for n in range(64)])["dtype"] == "float32"
    assert packed([n / 7 for n in range(64)])["dtype"] == "float64"
    assert packed([1] * 64) == [1] * 64  # ids are no vector


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dtype": "float8"}, "dtype is “float8”"),
        ({"shape": [25]}, "96 bytes; the shape"),
        ({"shape": [-1]}, "shape is"),
        ({"shape": [2**40]}, "more than"),
        ({"shape": "24"}, "shape is"),
        ({"base64": "not base64!"}, "not base64"),
        ({"base64": 7}, "not base64"),
        ({"base64": "AACAfw==", "shape": [1]}, "finite"),
    ],
)
def test_numbers_that_are_packed_wrongly_are_told(wrong, said):
    good = packed([n / 8 for n in range(24)])
    with pytest.raises(RecipeError, match=said):
        unpacked({**good, **wrong})
