"""What a check finds: a line of the report.

In: nothing. Out: plain data.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Grade = Literal["fine", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: what was looked at.
        said: how it is.
        grade: "fine"; "note": nothing is wrong, but good to know; "wrong": something will not work.
        mend: what to do, where something is wrong.
    """

    about: str
    said: str
    grade: Grade = "fine"
    mend: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
