"""`mw.doctor()`: what is here, what is wrong, and what to do about it.

In: checks, each of which looks at one thing. Out: a report for a terminal, a notebook or a program.
A check that raises becomes a line of the report, and the others are made all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mechwidget.checkup.finding import Finding
from mechwidget.checkup.front_end import extensions, front_end, server_extension
from mechwidget.checkup.hosts import hosts
from mechwidget.checkup.machine import accelerator, caches, embedded_model
from mechwidget.checkup.others import others
from mechwidget.checkup.versions import versions

if TYPE_CHECKING:
    from mechwidget.checkup.finding import Grade

Check = Callable[[], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    versions,
    hosts,
    front_end,
    extensions,
    server_extension,
    accelerator,
    embedded_model,
    caches,
    others,
)
_MARKS: dict[Grade, str] = {"fine": "✓", "note": "·", "wrong": "✗"}
_COLOURS: dict[Grade, str] = {"fine": "inherit", "note": "inherit", "wrong": "#c2330c"}


class Checkup:
    """What was found. It prints as text, and shows as a table in a notebook.

    Attributes:
        findings: all of it, in order.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What will not work."""
        return tuple(each for each in self.findings if each.grade == "wrong")

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"well": not self.wrong, "findings": [each.to_json() for each in self.findings]}

    def __repr__(self) -> str:
        width = max((len(each.about) for each in self.findings), default=0)
        lines = []
        for each in self.findings:
            lines.append(f"{_MARKS[each.grade]} {each.about.ljust(width)}  {each.said}")
            if each.mend:
                lines.append(f"  {' ' * width}  → {each.mend}")
        return "\n".join([*lines, "", self._verdict()])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr style="color: {_COLOURS[each.grade]}"><td>{_MARKS[each.grade]}</td>'
            f'<th style="text-align: left">{escape(each.about)}</th>'
            f'<td style="text-align: left">{escape(each.said)}{_mend_html(each)}</td></tr>'
            for each in self.findings
        )
        return f"<table><tbody>{rows}</tbody></table><p>{escape(self._verdict())}</p>"

    def _verdict(self) -> str:
        n = len(self.wrong)
        return f"{n} thing{'s' * (n != 1)} to mend." if n else "All is well."


def doctor(checks: Iterable[Check] = CHECKS) -> Checkup:
    """Look at versions, host, front end, GPU, caches and plugins: what is wrong, how to mend it.

    Args:
        checks: what to look at; the default is everything.
    """
    findings: list[Finding] = []
    for check in checks:
        try:
            findings.extend(check())
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            name = getattr(check, "__name__", "a check").replace("_", " ")
            said = f"could not be looked at: {type(error).__name__}: {error}"
            findings.append(Finding(name, said, "wrong", "See the error."))
    return Checkup(findings)


def _mend_html(each: Finding) -> str:
    return f"<br><em>→ {escape(each.mend)}</em>" if each.mend else ""
