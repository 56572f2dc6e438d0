"""`mechwidget version`: which mechwidget this is, and which plugins it takes.

Out: one line, or JSON.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import mechwidget

if TYPE_CHECKING:
    import argparse

HELP = "say which version this is"


def arguments(parser: argparse.ArgumentParser) -> None:
    """One option: for whom."""
    parser.add_argument("--json", action="store_true", help="for a program")


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    version = mechwidget.__version__
    said = json.dumps({"mechwidget": version}) if arguments.json else f"mechwidget {version}"
    sys.stdout.write(f"{said}\n")
    return 0
