"""`mechwidget demo`: the tour notebook in a JupyterLab of its own, as `make demo` opens it.

In: a port, or none. Out: a server until Ctrl-C.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mechwidget import demo

if TYPE_CHECKING:
    import argparse

HELP = "open the tour in JupyterLab"


def arguments(parser: argparse.ArgumentParser) -> None:
    """One option: where."""
    parser.add_argument(
        "--port", default=os.environ.get("PORT", ""), help="default: the first free one from 8888"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until it is stopped."""
    return demo.main(arguments.port)
