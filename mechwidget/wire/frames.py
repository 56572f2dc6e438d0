"""Arrays on the wire: a small JSON header and the bytes beside it.

In: anything numpy can read, torch tensors included (torch is never imported here). Out: a `Frame`,
C-contiguous and little-endian. `u8` frames are quantised: value = byte / 255 * scale + offset, off
by at most scale / 510. `f16` is off by at most 2**-11 of the value (2**-25 near zero); `f32` is
exact for float32 input. `tril` keeps the lower triangle of the last two axes: row q has q + 1
entries. Bytes cannot say NaN and f16 cannot say 1e9, so an array that does not fit gets the next
wider dtype, never a wrong number: the page reads the header and copes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mechwidget.errors import ProtocolError
from mechwidget.wire.limits import MAX_ANSWER_BYTES, MAX_RANK

Dtype = Literal["u8", "f16", "f32"]
Layout = Literal["dense", "tril"]
Floats = npt.NDArray[np.float32]

_NUMPY: dict[str, np.dtype[Any]] = {
    "u8": np.dtype("u1"),
    "f16": np.dtype("<f2"),
    "f32": np.dtype("<f4"),
}
_HEADER_KEYS = {"dtype", "shape", "layout", "scale", "offset"}


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One array, ready to send. Make it with `encode`."""

    dtype: Dtype
    shape: tuple[int, ...]
    layout: Layout
    data: bytes
    scale: float = 1.0
    offset: float = 0.0

    def header(self) -> dict[str, Any]:
        """The JSON that tells the page how to read `data`."""
        header: dict[str, Any] = {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "layout": self.layout,
        }
        if self.dtype == "u8":
            header |= {"scale": self.scale, "offset": self.offset}
        return header

    def values(self) -> Floats:
        """The array as the page will see it (zeros above the diagonal of a `tril` frame)."""
        return decode(self.header(), self.data)


def encode(
    array: Any,
    dtype: Dtype = "f32",
    layout: Layout = "dense",
    value_range: tuple[float, float] | None = None,
) -> Frame:
    """Make a frame of an array.

    Args:
        array: numbers with 1 to 4 axes; a numpy array, a torch tensor on any device, a list.
        dtype: what is wanted; a wider one is used where this one cannot hold the values.
        layout: `tril` keeps the lower triangle of the last two (equal) axes.
        value_range: what 0 and 255 stand for in `u8` (values outside are clipped); by default
            the smallest and the largest value.
    """
    full = _as_floats(array)
    kept = _lower_rows(full) if layout == "tril" else full.reshape(-1)
    if dtype == "u8" and not np.isfinite(kept).all():
        dtype = "f16"
    if dtype == "u8":
        quantised, scale, offset = _quantise(kept, value_range)
        return _frame(dtype, full.shape, layout, quantised, scale, offset)
    if dtype == "f16":
        with np.errstate(over="ignore"):
            half = kept.astype(_NUMPY["f16"])
        if np.array_equal(np.isinf(half), np.isinf(kept)):
            return _frame("f16", full.shape, layout, half)
    return _frame("f32", full.shape, layout, kept.astype(_NUMPY["f32"], copy=False))


def decode(header: object, data: bytes | bytearray | memoryview) -> Floats:
    """Read a frame back; refuses a header that does not fit its bytes exactly.

    Raises:
        ProtocolError: naming what does not fit.
    """
    dtype, shape, layout, scale, offset = _read_header(header)
    raw = memoryview(data).cast("B")
    if raw.nbytes != _n_entries(shape, layout) * _NUMPY[dtype].itemsize:
        raise ProtocolError(
            f"a frame of shape {list(shape)} ({dtype}, {layout}) cannot have {raw.nbytes} bytes"
        )
    stored = np.frombuffer(raw, dtype=_NUMPY[dtype])
    if dtype == "u8":
        values = (stored.astype(np.float64) / 255 * scale + offset).astype(np.float32)
    else:
        values = stored.astype(np.float32)
    if layout == "dense":
        return values.reshape(shape)
    full = np.zeros(shape, dtype=np.float32)
    lower = np.tri(shape[-1], dtype=bool)
    full[..., lower] = values.reshape(*shape[:-2], np.count_nonzero(lower))
    return full


def _frame(
    dtype: Dtype,
    shape: tuple[int, ...],
    layout: Layout,
    stored: npt.NDArray[Any],
    scale: float = 1.0,
    offset: float = 0.0,
) -> Frame:
    return Frame(dtype, shape, layout, stored.tobytes(order="C"), scale, offset)


def _as_floats(array: Any) -> Floats:
    if hasattr(array, "detach"):  # a torch tensor; bfloat16 has no numpy counterpart
        array = array.detach().float().cpu().numpy()
    floats = np.ascontiguousarray(np.asarray(array), dtype=np.float32)
    if np.ndim(array) == 0 or floats.ndim > MAX_RANK:
        raise ValueError(f"a frame has 1 to {MAX_RANK} axes, not {np.ndim(array)}")
    if floats.nbytes > MAX_ANSWER_BYTES:
        raise ValueError(
            f"an array of {floats.nbytes / 2**20:.0f} MiB is too large for the page "
            f"({MAX_ANSWER_BYTES // 2**20} MiB): send the part that is drawn"
        )
    return floats


def _lower_rows(full: Floats) -> Floats:
    if full.ndim < 2 or full.shape[-1] != full.shape[-2]:
        raise ValueError(f"tril needs two equal last axes, not shape {full.shape}")
    rows: Floats = full[..., np.tri(full.shape[-1], dtype=bool)].reshape(-1)
    return rows


def _quantise(
    values: Floats, value_range: tuple[float, float] | None
) -> tuple[npt.NDArray[np.uint8], float, float]:
    if value_range is None:
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    else:
        low, high = value_range
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"the value range must be two finite numbers in order, not {value_range}")
    if low == high:  # one value only: offset says it
        return np.zeros(values.shape, dtype=np.uint8), 0.0, low
    fraction = (values.astype(np.float64) - low) / (high - low)
    return np.rint(np.clip(fraction, 0, 1) * 255).astype(np.uint8), high - low, low


def _n_entries(shape: tuple[int, ...], layout: Layout) -> int:
    if layout == "dense":
        return math.prod(shape)
    side = shape[-1]
    return math.prod(shape[:-2]) * (side * (side + 1) // 2)


def _read_header(header: object) -> tuple[Dtype, tuple[int, ...], Layout, float, float]:
    if not isinstance(header, dict) or not header.keys() <= _HEADER_KEYS:
        raise ProtocolError(f"a frame header is an object with {sorted(_HEADER_KEYS)}")
    dtype, shape, layout = header.get("dtype"), header.get("shape"), header.get("layout")
    if dtype not in ("u8", "f16", "f32"):
        raise ProtocolError("the dtype of a frame is u8, f16 or f32")
    if layout not in ("dense", "tril"):
        raise ProtocolError("the layout of a frame is dense or tril")
    if not isinstance(shape, list) or not 1 <= len(shape) <= MAX_RANK:
        raise ProtocolError(f"the shape of a frame is a list of 1 to {MAX_RANK} whole numbers")
    if any(type(side) is not int or not 0 <= side <= MAX_ANSWER_BYTES for side in shape):
        raise ProtocolError("every side of a frame is a whole number that is not negative")
    if layout == "tril" and (len(shape) < 2 or shape[-1] != shape[-2]):
        raise ProtocolError("a tril frame has two equal last sides")
    if math.prod(shape) * 4 > MAX_ANSWER_BYTES:
        raise ProtocolError("the frame is larger than any answer may be")
    scale, offset = (_finite(header.get(key, default)) for key, default in _PLACES)
    return dtype, tuple(shape), layout, scale, offset


_PLACES = (("scale", 1.0), ("offset", 0.0))


def _finite(number: object) -> float:
    if type(number) not in (int, float) or not math.isfinite(number):  # type: ignore[arg-type]
        raise ProtocolError("scale and offset of a frame are finite numbers")
    return float(number)  # type: ignore[arg-type]
