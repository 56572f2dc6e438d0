"""The report of the hosts, as a table for the README.

In: what every host did, as `conftest.py` writes it. Out: Markdown, between two markers of the
README.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STORED = HERE / "REPORT.json"
README = HERE.parent.parent / "README.md"
BEGIN = "<!-- hosts: written by `make hosts` -->\n"
END = "<!-- end of hosts -->\n"

HOSTS = ("JupyterLab", "Notebook", "VS Code", "marimo", "Colab", "nbconvert", "text/html")
COLUMNS = {
    "render": "draws",
    "click": "click",
    "buffers": "bytes both ways",
    "error": "errors shown",
    "theme": "light and dark",
    "float": "menus",
    "link": "views linked",
    "close": "closing frees",
}
Report = dict[str, Any]


def stored() -> Report:
    """The report that the last `make hosts` wrote."""
    return json.loads(STORED.read_text())


def table(report: Report) -> str:
    """One row for each host, and under the table what does not apply or is not covered."""
    notes: list[str] = []
    lines = [f"| host | {' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    for host in sorted(report, key=HOSTS.index):
        cells = [mark(report[host]["items"].get(item, "not run"), notes) for item in COLUMNS]
        lines.append(f"| {host} ({report[host]['version']}) | {' | '.join(cells)} |")
    footnotes = [f"<sup>{number}</sup> {note}" for number, note in enumerate(notes, start=1)]
    return "\n".join([*lines, "", "; ".join(footnotes) + "."]) + "\n"


def mark(said: str, notes: list[str]) -> str:
    """ "yes", or a number that leads to the note under the table."""
    word, _, note = said.partition(": ")
    shown = {"works": "yes", "not applicable": "\N{EN DASH}"}.get(word, said)
    if not note:
        return shown
    if note not in notes:
        notes.append(note)
    return f"{shown} <sup>{notes.index(note) + 1}</sup>"


def with_table(readme: str, report: Report) -> str:
    """The README with the table of this report between its markers."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + table(report) + END + rest.split(END)[1]
