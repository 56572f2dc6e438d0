"""The wheel, built from this checkout, and an environment that has it and no source tree.

Heavy dependencies are borrowed from the environment that runs the tests, by one .pth line: a .pth
file inside a borrowed folder is not obeyed, so the editable checkout stays out of sight.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class WheelEnvironment:
    """Attributes: wheel (the file), python (of the environment it is installed in)."""

    wheel: Path
    python: Path

    @property
    def site_packages(self) -> Path:
        return next(self.python.parent.parent.glob("lib/python*/site-packages"))


def run_quietly(*command: str | Path, **options: object) -> None:
    """Run a program; what it said is the error when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def build(source: Path, folder: Path, kind: str) -> Path:
    """Build "wheel" or "sdist" of the tree `source` with what is installed here."""
    command = (sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", folder)
    run_quietly(*command, source)
    return next(folder.glob("*.whl" if kind == "wheel" else "*.tar.gz"))


def install(wheel: Path, folder: Path) -> WheelEnvironment:
    """A new environment in `folder` with the wheel in it."""
    venv.create(folder, with_pip=False, symlinks=True)
    environment = WheelEnvironment(wheel, folder / "bin" / "python")
    pip = (sys.executable, "-m", "pip", "--python", environment.python, "install", "--no-deps")
    run_quietly(*pip, "--no-index", "-q", wheel)
    (environment.site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment
