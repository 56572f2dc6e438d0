"""`mechwidget plugins`: what is installed for mechwidget, which of it works, and what is wrong.

Out: a table or JSON; exit status 1 where something is broken.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from mechwidget.plugin_api import plugins

if TYPE_CHECKING:
    import argparse

HELP = "list plugins: what was found, what failed and why"


def arguments(parser: argparse.ArgumentParser) -> None:
    """How much, and for whom."""
    parser.add_argument("--all", action="store_true", help="mechwidget's own parts as well")
    parser.add_argument("--no-load", action="store_true", help="only look, import nothing")
    parser.add_argument("--json", action="store_true", help="for a program")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    report = plugins(own=arguments.all, load=not arguments.no_load)
    said = json.dumps(report.to_json(), indent=2) if arguments.json else repr(report)
    sys.stdout.write(f"{said}\n")
    broken = len(report.broken)
    if broken:
        sys.stderr.write(f"mechwidget: {broken} {'is' if broken == 1 else 'are'} broken.\n")
    return 1 if broken else 0
