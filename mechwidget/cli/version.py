"""`mechwidget version`: which mechwidget this is, and which plugins it takes.

Out: one line, or JSON.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import mechwidget
from mechwidget.plugin_api import API_VERSION

if TYPE_CHECKING:
    import argparse

HELP = "say which version this is"


def arguments(parser: argparse.ArgumentParser) -> None:
    """One option: for whom."""
    parser.add_argument("--json", action="store_true", help="for a program")


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    said = {"mechwidget": mechwidget.__version__, "plugin API": API_VERSION}
    lines = [f"{name} {version}" for name, version in said.items()]
    sys.stdout.write(f"{json.dumps(said) if arguments.json else ', '.join(lines)}\n")
    return 0
