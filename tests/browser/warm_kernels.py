"""Kernels that need not import torch: forked from one process that has imported it already.

Run as a program it is what a server starts in a kernel's place. It hands its arguments, environment
and output to the warm process, passes signals on to the fork, and lives exactly as long as that
does. Flows in: a folder for the socket. Flows out: a kernelspec that a LabServer can offer as its
`python3`. What is forked is ipykernel as it is, with nothing of mechwidget imported.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

# Everything heavy that mechwidget and the models of the tests import.
HEAVY = (
    "torch",
    "transformers",
    "transformers.models.auto.modeling_auto",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.models.t5.modeling_t5",
    "safetensors.torch",
    "tokenizers",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
)
# What looks at its first import for the kernel that it is in.
COLD = ("ipywidgets", "anywidget", "mechwidget", "matplotlib")
START_TIMEOUT_S = 60.0


class WarmKernels:
    """Attributes: spec (the kernel.json that starts a kernel here)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._address = folder / "warm"
        self.spec = {
            "argv": [sys.executable, __file__, str(self._address), "-f", "{connection_file}"],
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "metadata": {"debugger": True},
        }

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self._address)], start_new_session=True
        )
        ends = time.monotonic() + START_TIMEOUT_S
        while not self._address.exists():
            if self._process.poll() is not None or time.monotonic() > ends:
                self._process.kill()
                raise RuntimeError("the warm process did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def keep_warm(address: str) -> None:
    """Import what is heavy, and fork once for everybody who asks."""
    for name in HEAVY:
        importlib.import_module(name)
    assert not [name for name in COLD if name in sys.modules]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.new")
        listening.listen()
        Path(f"{address}.new").rename(address)
        while True:
            asking, _ = listening.accept()
            with asking:
                if os.fork() == 0:
                    listening.close()
                    be_kernel(asking)


def be_kernel(asking: socket.socket) -> None:
    """In the fork: take over what the asking program was given, and become a kernel."""
    message, files, _, _ = socket.recv_fds(asking, 1 << 20, 2)
    told = json.loads(message)
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(told["environment"], JPY_PARENT_PID=str(os.getppid()))
    os.chdir(told["folder"])
    sys.argv = ["ipykernel_launcher", *told["arguments"]]
    sys.path[:] = ["", *(path for path in sys.path if path not in {"", str(Path(__file__).parent)})]
    asking.sendall(f"{os.getpid()}\n".encode())
    threading.Thread(target=die_with, args=(asking.dup(),), daemon=True).start()
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()
    os._exit(0)


def die_with(asking: socket.socket) -> None:
    """A program that is killed outright cannot pass that on."""
    with suppress(OSError):
        asking.recv(1)
    os._exit(1)


def ask_for_kernel(address: str, *arguments: str) -> None:
    """In the server's child: have a kernel forked, and be it in the eyes of the server."""
    told = {"arguments": arguments, "environment": dict(os.environ), "folder": str(Path.cwd())}
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(address)
        socket.send_fds(asking, [json.dumps(told).encode()], [1, 2])
        kernel = int(asking.makefile().readline())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(kernel, number))
        while asking.recv(1):
            pass


if __name__ == "__main__":
    (ask_for_kernel if sys.argv[2:] else keep_warm)(*sys.argv[1:])
