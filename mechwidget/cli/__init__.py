"""`mechwidget …`: what can be done with it outside a notebook.

In flow the words of a command line; out flow text for a person (or JSON for a program) and an exit
status: 0 it went well, 1 it did not, and a sentence on stderr says why, 2 the command line was not
understood. Each command is a module of this package with `HELP` (one line), `arguments(parser)` and
`run(arguments) -> int`; one that is not there is not offered. None of them imports torch before it
runs, so that help and health cost nothing and work where torch does not.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "demo": "mechwidget.cli.demo",
    "doctor": "mechwidget.cli.doctor",
    "plugins": "mechwidget.cli.plugins",
    "new-plugin": "mechwidget.cli.new_plugin",
    "recipe": "mechwidget.cli.recipe",
    "bench": "mechwidget.cli.bench",
    "version": "mechwidget.cli.version",
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the words of the process's own command line where none are given."""
    try:
        arguments = parser().parse_args(words)
        status = int(arguments.run(arguments))
        sys.stdout.flush()
    except MechwidgetError as error:
        sys.stderr.write(f"mechwidget: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("mechwidget: stopped.\n")
        return 1
    except BrokenPipeError:  # whoever read it has read enough: `mechwidget plugins | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def parser() -> argparse.ArgumentParser:
    """The command line with every command that is there."""
    top = argparse.ArgumentParser(
        prog="mechwidget",
        description="Mechanistic interpretability in a notebook cell, and what stands around it.",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, home in COMMANDS.items():
        if find_spec(home) is None:
            continue
        module: Any = import_module(home)
        one = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.arguments(one)
        one.set_defaults(run=module.run)
    return top
