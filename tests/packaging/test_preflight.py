"""What is missing is said in one line, before anything is installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PREFLIGHT = ROOT / ".ci" / "preflight"


def ask(*questions: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        ["/bin/sh", PREFLIGHT, *questions],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


@pytest.fixture
def machine(tmp_path: Path):
    """A machine with only a few system programs and those named; a text is what one does."""

    def build(**programs: str) -> str:
        for name in {"awk", "df", "dirname", "id"} - programs.keys():
            (tmp_path / name).symlink_to(shutil.which(name))
        for name, does in programs.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(f"#!/bin/sh\n{does}\n")
            program.chmod(0o755)
        return str(tmp_path)

    return build


def refused(answer: tuple[int, str], *words: str) -> None:
    status, said = answer
    assert status == 1
    assert len(said.splitlines()) == 1
    assert said.startswith("mechwidget: ")
    for word in words:
        assert word in said


def test_a_ready_machine_hears_nothing() -> None:
    path = str(Path(shutil.which("python3")).parent) + ":/usr/bin:/bin"
    assert ask("python", "node", "port", PATH=path, PORT="") == (0, "")


def test_no_python(machine) -> None:
    refused(ask("python", PATH=machine()), "python3 was not found", "3.11")


def test_old_python(machine) -> None:
    old = 'case "$2" in *exit*) exit 1;; *) echo 3.9;; esac'
    refused(ask("python", PATH=machine(python3=old)), "Python 3.9", "3.11 or newer", "PYTHON=")


def test_python_without_venv(machine) -> None:
    bare = 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac'
    refused(ask("python", PATH=machine(python3=bare)), "python3-venv")


def test_no_node(machine) -> None:
    refused(ask("node", PATH=machine()), "Node.js was not found", "20.19")


def test_old_node(machine) -> None:
    old = 'case "$1" in --version) echo v16.2.0;; *) exit 1;; esac'
    refused(ask("node", PATH=machine(node=old)), "v16.2.0", "20.19")


def test_node_without_npm(machine) -> None:
    refused(ask("node", PATH=machine(node="exit 0")), "npm was not found")


def test_too_little_disk(machine) -> None:
    little = 'echo head; echo "/dev/x 100 50 42 50% /"'
    refused(ask("disk", PATH=machine(df=little)), "42 MB are free", "3000 MB")


def test_port_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        path = str(Path(shutil.which("python3")).parent) + ":/usr/bin:/bin"
        refused(ask("port", PATH=path, PORT=port), f"port {port}", "PORT=")


def test_port_is_no_number(machine) -> None:
    refused(ask("port", PATH=machine(), PORT="eighty"), "PORT=eighty is not a number")


CHROMIUM_CASES = {
    "asked to leave it out": ({"SKIP_CHROMIUM_INSTALL": "1"}, {}, "SKIP_CHROMIUM_INSTALL is set"),
    "not Debian": ({}, {}, "no apt-get"),
    "not root": ({}, {"apt_get": "exit 0", "id": "echo 1000", "sudo": "exit 1"}, "needs root"),
}


@pytest.mark.parametrize("case", CHROMIUM_CASES.values(), ids=CHROMIUM_CASES.keys())
def test_no_chromium_is_said_and_goes_on(machine, case) -> None:
    variables, programs, words = case
    status, said = ask("chromium", PATH=machine(**programs), **variables)
    assert status == 0
    assert words in said
    assert "reported as not run" in said
    assert len(said.splitlines()) == 1


APT_GET = """echo "apt-get $*"
browser="$(dirname "$0")/chromium"
case "$*" in *install*) echo >"$browser"; /bin/chmod +x "$browser";; esac
"""


def test_chromium_is_installed_out_loud(machine) -> None:
    path = machine(apt_get=APT_GET, id="echo 0", env='shift; exec "$@"')
    status, said = ask("chromium", PATH=path)
    assert status == 0, said
    assert "installing Chromium from Debian" in said
    assert said.index("apt-get update") < said.index("apt-get install")


def test_chromium_that_cannot_be_installed_stops(machine) -> None:
    status, said = ask("chromium", PATH=machine(apt_get="exit 100", id="echo 0"))
    assert status == 1
    assert "could not be installed" in said
