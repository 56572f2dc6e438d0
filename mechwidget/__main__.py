"""`python -m mechwidget`: the command line where the script `mechwidget` is not on the path."""

from __future__ import annotations

import sys

from mechwidget.cli import main

if __name__ == "__main__":
    sys.exit(main())
