"""`mechwidget doctor`: versions, front end, GPU, caches, plugins; what is wrong and how to mend it.

Out: a report or JSON; exit status 1 where something is wrong.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from mechwidget.checkup import doctor

if TYPE_CHECKING:
    import argparse

HELP = "say what is here, what is wrong, and how to mend it"


def arguments(parser: argparse.ArgumentParser) -> None:
    """One option: for whom."""
    parser.add_argument("--json", action="store_true", help="for a program")


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    found = doctor()
    said = json.dumps(found.to_json(), indent=2) if arguments.json else repr(found)
    sys.stdout.write(f"{said}\n")
    return 1 if found.wrong else 0
