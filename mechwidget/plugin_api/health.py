"""What became of one plugin: found, loaded, slow, broken, and why.

In: an entry point and what happened to it. Out: a record that is plain data.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "not loaded", "slow", "failed", "wrong protocol", "incompatible"]
BROKEN: tuple[State, ...] = ("failed", "wrong protocol", "incompatible")


@dataclass(frozen=True, slots=True)
class Health:
    """One entry point and what became of it.

    Attributes:
        group: "sources", "interventions", "metrics", "scores", "dictionaries" or "views".
        name: what it is called.
        value: where it is: "package.module:name".
        distribution: the package that brought it.
        version: of that package.
        state: "ok"; "not loaded" until it is used; "slow": it took long, or is still on its way;
            "failed": it raised; "wrong protocol": it is not what its group asks for;
            "incompatible": it was written for another version of the plugin API.
        reason: why, in words; empty where all is well.
        seconds: how long it took to import; None until it was.
        usable: whether it can be used now.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str
    state: State = "not loaded"
    reason: str = ""
    seconds: float | None = None
    usable: bool = False

    @property
    def broken(self) -> bool:
        """Whether somebody has to mend it."""
        return self.state in BROKEN

    @property
    def lost(self) -> bool:
        """Whether it is broken and cannot be used at all; one that raised once still can."""
        return self.broken and not self.usable

    @property
    def own(self) -> bool:
        """Whether it is a part of mechwidget itself."""
        return self.distribution == "mechwidget"

    @property
    def origin(self) -> str:
        """The package, with its version."""
        return f"{self.distribution} {self.version}".strip()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
