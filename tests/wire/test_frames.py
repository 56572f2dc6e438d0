"""Arrays keep their shape and, within the stated error, their values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mechwidget.errors import ProtocolError
from mechwidget.wire import decode, encode
from mechwidget.wire.limits import MAX_ANSWER_BYTES

shapes = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
squares = st.tuples(
    arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3), st.integers(0, 6)
).map(lambda leading: (*leading[0], leading[1], leading[1]) if leading[0] else (leading[1],) * 2)


def floats(shape: object, **bounds: object) -> st.SearchStrategy[np.ndarray]:
    return arrays.arrays(np.float32, shape, elements=st.floats(width=32, **bounds))


@given(floats(shapes, allow_nan=True, allow_infinity=True))
def test_f32_is_exact(array: np.ndarray) -> None:
    frame = encode(array, "f32")
    assert frame.dtype == "f32"
    np.testing.assert_array_equal(frame.values(), array)


@given(floats(shapes, allow_nan=True, allow_infinity=True, min_value=None, max_value=None))
def test_f16_is_off_by_its_stated_error_or_widened(array: np.ndarray) -> None:
    frame = encode(array, "f16")
    seen = frame.values()
    np.testing.assert_array_equal(np.isnan(seen), np.isnan(array))
    np.testing.assert_array_equal(np.isinf(seen), np.isinf(array))
    finite = np.isfinite(array)
    exact = array[finite].astype(np.float64)
    off = np.abs(seen[finite] - exact)
    assert (off <= np.maximum(np.abs(exact) * 2.0**-11, 2.0**-25)).all()


@given(floats(shapes, allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6))
def test_u8_is_off_by_half_a_step(array: np.ndarray) -> None:
    frame = encode(array, "u8")
    assert frame.dtype == "u8"
    assert len(frame.data) == array.size
    rounding = np.abs(array).max(initial=0) * 2.0**-23
    off = np.abs(frame.values().astype(np.float64) - array)
    assert (off <= frame.scale / 510 + rounding).all()


@given(floats(shapes, min_value=0, max_value=1))
def test_u8_with_a_range_shares_one_scale_and_keeps_both_ends(array: np.ndarray) -> None:
    frame = encode(array, "u8", value_range=(0, 1))
    assert (frame.scale, frame.offset) == (1, 0)
    seen = frame.values()
    assert (np.abs(seen - array) <= 1 / 510 + 1e-6).all()
    assert (seen[array == 1] == 1).all()
    assert (seen[array == 0] == 0).all()


def test_u8_clips_what_is_outside_its_range() -> None:
    frame = encode([-0.5, 0.5, 1.0000001], "u8", value_range=(0, 1))
    np.testing.assert_allclose(frame.values(), [0, 0.5, 1], atol=1 / 510)


@given(st.sampled_from(["u8", "f16", "f32"]), floats(squares, min_value=0, max_value=1))
def test_tril_keeps_the_lower_triangle_and_nothing_else(dtype: str, array: np.ndarray) -> None:
    frame = encode(array, dtype, "tril")  # type: ignore[arg-type]
    side = array.shape[-1]
    assert frame.shape == array.shape
    items = {"u8": 1, "f16": 2, "f32": 4}[frame.dtype]
    n_matrices = int(np.prod(array.shape[:-2]))
    assert len(frame.data) == items * n_matrices * side * (side + 1) // 2
    np.testing.assert_allclose(frame.values(), np.tril(array), atol=1 / 510 + 1e-3)


def test_tril_rows_follow_each_other() -> None:
    matrix = np.arange(9).reshape(3, 3)
    stored = np.frombuffer(encode(matrix, "f32", "tril").data, "<f4")
    np.testing.assert_array_equal(stored, [0, 3, 4, 6, 7, 8])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bytes_that_cannot_say_it_get_a_wider_dtype(bad: float) -> None:
    frame = encode([0.25, bad], "u8")
    assert frame.dtype == "f16"
    np.testing.assert_array_equal(frame.values(), np.array([0.25, bad], np.float32))


def test_a_number_too_large_for_f16_does_not_become_infinite() -> None:
    frame = encode([1.0, 70_000.0], "f16")
    assert frame.dtype == "f32"
    np.testing.assert_array_equal(frame.values(), [1, 70_000])


def test_a_triangle_ignores_nan_above_the_diagonal() -> None:
    assert encode([[0.5, np.nan], [0.5, 0.5]], "u8", "tril").dtype == "u8"


def test_memory_order_and_strides_do_not_matter() -> None:
    array = np.arange(24, dtype=np.float64).reshape(4, 6)
    for view in (array.T, array[::2, ::-3], np.asfortranarray(array)):
        np.testing.assert_array_equal(encode(view).values(), view)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64])
def test_torch_tensors_of_any_dtype_also_with_a_gradient(dtype: torch.dtype) -> None:
    tensor = torch.tensor([[1, 2], [3, 4]]).to(dtype).T
    if tensor.is_floating_point():
        tensor.requires_grad_()
    np.testing.assert_array_equal(encode(tensor).values(), [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    ("array", "layout", "needle"),
    [
        (3.0, "dense", "1 to 4 axes"),
        (np.zeros((1, 1, 1, 1, 1)), "dense", "1 to 4 axes"),
        (np.zeros((2, 3)), "tril", "two equal last axes"),
        (np.zeros(3), "tril", "two equal last axes"),
        (np.broadcast_to(np.float32(0), (5000, 5000)), "dense", "too large for the page"),
    ],
)
def test_arrays_that_are_no_frames_are_refused(array: object, layout: str, needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        encode(array, layout=layout)  # type: ignore[arg-type]


GOOD = {"dtype": "u8", "shape": [2, 2], "layout": "dense", "scale": 1.0, "offset": 0.0}


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "f64"},
        {"dtype": ["u8"]},
        {"layout": "triu"},
        {"shape": []},
        {"shape": [2, -2]},
        {"shape": [2, 2.0]},
        {"shape": [True, 4]},
        {"shape": "22"},
        {"shape": [2, 3]},
        {"shape": [2**40, 2**40]},
        {"shape": [1] * 5},
        {"shape": [4], "layout": "tril"},
        {"shape": [1, 4], "layout": "tril"},
        {"scale": float("nan")},
        {"scale": True},
        {"offset": "0"},
        {"extra": 1},
    ],
)
def test_a_header_that_does_not_fit_is_refused(change: dict[str, object]) -> None:
    assert decode(GOOD, b"\0\0\0\xff")[1, 1] == 1
    with pytest.raises(ProtocolError):
        decode(GOOD | change, b"\0\0\0\xff")


def test_a_huge_claim_costs_no_memory() -> None:
    with pytest.raises(ProtocolError, match="larger"):
        decode({"dtype": "u8", "shape": [MAX_ANSWER_BYTES], "layout": "dense"}, b"")


rectangles = st.tuples(st.integers(0, 6), st.integers(0, 6))


@given(st.sampled_from(["u8", "f16", "f32"]), st.data())
def test_a_rectangle_is_read_back_row_by_row(dtype: str, data: st.DataObject) -> None:
    shape = data.draw(rectangles)
    array = data.draw(floats(shape, min_value=0, max_value=1))
    frame = encode(array, dtype, value_range=(0, 1))  # type: ignore[arg-type]
    assert frame.header()["shape"] == list(shape)
    assert len(frame.data) == array.size * {"u8": 1, "f16": 2, "f32": 4}[frame.dtype]
    np.testing.assert_allclose(decode(frame.header(), frame.data), array, atol=1 / 510 + 1e-3)


@given(rectangles, rectangles, st.sampled_from(["dense", "tril"]))
def test_a_rectangle_with_the_bytes_of_another_is_refused(
    said: tuple[int, int], sent: tuple[int, int], layout: str
) -> None:
    header = {"dtype": "u8", "shape": list(said), "layout": layout}
    data = bytes(sent[0] * sent[1])
    square = said[0] == said[1]
    n = said[0] * (said[0] + 1) // 2 if layout == "tril" else said[0] * said[1]
    if (layout == "tril" and not square) or n != len(data):
        with pytest.raises(ProtocolError):
            decode(header, data)
    else:
        assert decode(header, data).shape == said
