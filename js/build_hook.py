"""What hatch-jupyter-builder calls when a wheel or an sdist is built and there is no bundle yet.

Flows in: the npm lock and js/. Flows out: mechwidget/static. An installation from a wheel never
comes here; one from a source tree does, and needs Node.js for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
NO_NPM = (
    "mechwidget: npm was not found, and a source tree without mechwidget/static is built with it. "
    "Install Node.js 20.19 or newer with npm, or install mechwidget from its wheel."
)


def build(target_name: str, version: str) -> None:  # noqa: ARG001
    """Install the npm packages exactly as locked, unless they are there, and bundle js/."""
    if os.environ.get("HATCH_JUPYTER_BUILDER_SKIP_NPM") == "1":
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit(NO_NPM)
    install = ["ci", "--prefer-offline", "--no-audit", "--no-fund"]
    there = (ROOT / "node_modules").is_dir()
    for command in (["run", "build"],) if there else (install, ["run", "build"]):
        done = subprocess.run([npm, "--silent", *command], cwd=ROOT, check=False)
        if done.returncode:
            sys.exit(f"mechwidget: `npm {' '.join(command)}` failed; its message is above.")
