"""What one intervention is in a script: a comment, what is run before, and functions to hook.

In: nothing. Out: `Phrase`, and `Dialect`, what the two styles with hooks say differently.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.as_code.layout import Expression
    from mechwidget.interventions import Head
    from mechwidget.models import Site

# What a tensor is called in a function that edits it.
ARGUMENTS = {"z": "z", "cross_z": "z", "pattern": "pattern", "mlp_post": "neurons"}
WRITES = ("attn_out", "mlp_out", "cross_attn_out")


def argument_of(site: Site) -> str:
    """What the tensor of a site is called in a function that edits it."""
    return ARGUMENTS.get(site.name, "written" if site.name in WRITES else "stream")


@dataclass(frozen=True, slots=True)
class Step:
    """One function on one tensor.

    Attributes:
        site: whose tensor.
        function: an expression, e.g. `edit_1`.
        looks: it changes nothing and sees what every edit has left.
    """

    site: Site
    function: str
    looks: bool = False


@dataclass
class Phrase:
    """One intervention.

    Attributes:
        lines: its part of the script: a comment, what is computed before, its functions.
        steps: the functions that are to be hooked.
        taken: names that the script takes from where it is run, with what each is.
    """

    lines: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)

    def define(self, head: str, body: Sequence[str]) -> None:
        """A function, apart from what is computed before it."""
        apart = [] if all(line.startswith("#") for line in self.lines) else ["", ""]
        self.lines += [*apart, f"def {head}:", *(f"    {line}" if line else "" for line in body)]


class Dialect(Protocol):
    """What the styles with hooks say differently."""

    style: str

    def signature(self, name: str, argument: str) -> str:
        """A hooked function's name and arguments."""

    def head(self, head: Head) -> str:
        """The index of a head in the tensor that holds z, after batch and position."""

    def factor(self, site: Site) -> float:
        """What a hooked tensor is multiplied by to be what the site holds."""

    def held(self, site: Site, ids: str) -> Expression:
        """An expression for what a site held in a run of `ids` without edits."""

    def patterns(self, layers: Sequence[int]) -> Expression:
        """An expression for a dictionary of the patterns of layers in the baseline."""

    def require_pattern(self, layer: int) -> None:
        """Raise `InterventionError` where the style cannot edit the pattern of a layer."""
