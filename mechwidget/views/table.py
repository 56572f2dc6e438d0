"""A table: named columns of plain values, what a view says in numbers, and a DataFrame of it.

pandas is imported when a DataFrame is asked for and not before; without it the table is there all
the same. In: columns. Out: rows for a page, or a DataFrame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length.

    Attributes:
        columns: the values of each, by its name; missing ones are None or nan.
        about: what the numbers are (units, conventions), in a few words each.
    """

    columns: Mapping[str, Sequence[Any]]
    about: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns are of different lengths: {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def to_dataframe(self) -> pd.DataFrame:
        """The table as a DataFrame; `about` is its `attrs`.

        Raises:
            MechwidgetError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - not before somebody asks
        except ImportError as error:
            raise MechwidgetError(
                "A DataFrame is made by pandas, which is not installed.",
                "Install it (`pip install pandas`), or take view.table().columns as they are.",
            ) from error
        frame = pd.DataFrame(dict(self.columns))
        frame.attrs.update(self.about)
        return frame
