"""The vectors of a prompt on a plane: the two directions along which they differ most.

A plane shows what lies in it and nothing else: it is given with the share of the variance that it
holds, and is no picture of distances where that is small.

In: vectors. Out: `TokenPlane`, coordinates `[pos, 2]` and shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class TokenPlane:
    """Principal components of some vectors.

    Attributes:
        places: float32 `[pos, 2]`, in units of the vectors, from their mean; each axis is turned
            so that its largest place is positive.
        explained: the share of the variance along each axis.
    """

    places: npt.NDArray[np.float32]
    explained: tuple[float, float]


def token_plane(vectors: npt.ArrayLike) -> TokenPlane:
    """The first two principal components of `vectors[pos, d]`.

    Raises:
        MechwidgetError: there are fewer than three vectors, or some are no numbers: two points
            always lie on a plane, and that says nothing about them.
    """
    given = np.asarray(vectors, dtype=np.float64)
    if len(given) < 3:
        raise MechwidgetError(
            f"A plane of {len(given)} vector{'s' if len(given) != 1 else ''} says nothing.",
            "It takes three tokens or more.",
        )
    if not np.isfinite(given).all():
        raise MechwidgetError("Some of these vectors are not finite numbers.")
    centred = given - given.mean(0)
    # By the products of n vectors with one another: there are mostly fewer of them than numbers.
    squares, turned = np.linalg.eigh(centred @ centred.T)
    squares = np.clip(squares[::-1], 0, None)
    total = max(float((centred**2).sum()), np.finfo(np.float64).tiny)
    places = turned[:, ::-1][:, :2] * np.sqrt(squares[:2])
    largest = places[np.abs(places).argmax(0), [0, 1]]
    places = places * np.where(largest < 0, -1, 1)
    first, second = (float(square) / total for square in squares[:2])
    return TokenPlane(places.astype(np.float32), (first, second))
