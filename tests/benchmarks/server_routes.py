"""`make bench-server`: the routes beside `/api/contents`, starting JupyterLab, and a round trip.

Flows in: a folder of 40 notebooks and 40 recipes, and a kernel with an open session. Flows out: a
table on the terminal and a section of RESULTS.md. All routes take turns in one run on one server;
JupyterLab is started with and without the extension in turn; a round trip to a kernel is measured
on two servers in turn, one with `nodelay` and one without.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from tornado.websocket import websocket_connect

from tests.benchmarks import results
from tests.benchmarks.jupyter_process import JupyterProcess
from tests.server.documents import recipe

HEADING = "The server extension"
ROUNDS = 120
STARTS = 40
TRIPS = 60
MOST_STARTING = 1.05
PEER = "GET /api/contents"
SESSION = """
from mechwidget import live
class Session:
    id = "one"
    def describe(self):
        return {"id": self.id}
session = Session()
live.announce(session, session)
"""  # what answers is what answers for a real one; a model would only cost time here
Times = dict[str, list[float]]


def main() -> None:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lines = [*_head(), *routes(folder), *starting(folder), *round_trips(folder)]
    print(results.write(HEADING, lines))


def _head() -> list[str]:
    packages = results.versions("jupyter_server", "jupyterlab", "ipykernel", "tornado")
    return [f"{packages}; {results.processor()}.", ""]


# -- the routes


def routes(folder: Path) -> list[str]:
    """p95 of each route, beside that of listing the same folder by Jupyter itself."""
    with JupyterProcess(folder / "routes", "jupyter_server") as server:
        fill(server.root)
        kernel = server.request("POST", "api/kernels", {})["id"]
        asyncio.run(execute(server, kernel, SESSION))
        with httpx.Client(headers={"Authorization": f"token {server.token}"}, timeout=60) as client:
            times = in_turn(client, server.url, kernel)
    peer = p95(times[PEER])
    rows = [
        f"| `{name}` | {1000 * statistics.median(each):.1f} | {1000 * p95(each):.1f} | "
        f"{p95(each) / peer:.2f} |"
        for name, each in times.items()
    ]
    return [
        f"{ROUNDS} requests each, in turn; a folder of 40 notebooks and 40 recipes; milliseconds.",
        "",
        "| route | median | p95 | ÷ p95 of /api/contents |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def fill(root: Path) -> None:
    """What a person's folder may look like."""
    for nth in range(40):
        (root / f"{nth}.mech.json").write_text(json.dumps(recipe()))
        notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (root / f"{nth}.ipynb").write_text(json.dumps(notebook))


def in_turn(client: httpx.Client, url: str, kernel: str) -> Times:
    """Every route once, again and again; what is slow the first time is asked for once before."""
    ours = f"{url}mechwidget/api"
    sides = {"old": {"path": "1.mech.json"}, "new": {"path": "2.mech.json"}}
    document, any_version = {"document": recipe()}, {"If-Match": "*"}
    asked: dict[str, dict[str, Any]] = {
        PEER: {"url": f"{url}api/contents"},
        "GET /": {"url": f"{ours}/"},
        "GET /recipes": {"url": f"{ours}/recipes"},
        "GET /recipes/…": {"url": f"{ours}/recipes/0.mech.json"},
        "PUT /recipes/…": {
            "url": f"{ours}/recipes/0.mech.json",
            "json": recipe(),
            "headers": any_version,
        },
        "POST /validate": {"url": f"{ours}/validate", "json": document},
        "POST /difference": {"url": f"{ours}/difference", "json": sides},
        "POST /render": {"url": f"{ours}/render", "json": document},
        "GET /models": {"url": f"{ours}/models"},
        "GET /sessions": {"url": f"{ours}/sessions"},
        "GET /sessions/…": {"url": f"{ours}/sessions/{kernel}"},
        "GET /plugins": {"url": f"{ours}/plugins"},
    }
    times: Times = {name: [] for name in asked}
    for nth in range(ROUNDS + 1):
        for name, given in asked.items():
            began = time.perf_counter()
            answer = client.request(name.partition(" ")[0], **given)
            took = time.perf_counter() - began
            answer.raise_for_status()
            if nth:
                times[name].append(took)
    return times


def p95(times: list[float]) -> float:
    """What 19 of 20 are not slower than."""
    return statistics.quantiles(times, n=20)[-1]


# -- starting


def starting(folder: Path) -> list[str]:
    """JupyterLab until it answers, with the extension and without, in turn."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for nth in range(STARTS + 1):
        for ours in (True, False):
            with JupyterProcess(folder / f"lab-{nth}-{ours}", "jupyterlab", ours) as server:
                if nth:  # the first finds no caches
                    times[ours].append(server.seconds)
    with_it, without = (statistics.median(times[ours]) for ours in (True, False))
    shortest = min(times[True]) / min(times[False])
    met = "met" if with_it / without <= MOST_STARTING else "missed"
    said = (
        f"JupyterLab until it answers, the median of {STARTS} starts each, in turn: with the "
        f"extension {with_it:.2f} s, without {without:.2f} s: {with_it / without:.3f} "
        f"(≤ {MOST_STARTING}: {met}); the shortest of each: {shortest:.3f}."
    )
    return [said, ""]


# -- a round trip to a kernel


def round_trips(folder: Path) -> list[str]:
    """A question to a kernel until the kernel is idle again, with nodelay and without."""
    with (
        JupyterProcess(folder / "quick", "jupyter_server") as quick,
        JupyterProcess(folder / "plain", "jupyter_server", nodelay=False) as plain,
    ):
        times = asyncio.run(_trips({"with": quick, "without": plain}))
    with_it, without = (statistics.median(times[name]) for name in ("with", "without"))
    said = (
        f"`kernel_info_request` over the websocket until the kernel is idle, median of {TRIPS}: "
        f"with `nodelay` {1000 * with_it:.1f} ms, without {1000 * without:.1f} ms: "
        f"{without / with_it:.1f} times as fast."
    )
    return [said]


async def _trips(servers: dict[str, JupyterProcess]) -> Times:
    lines = {name: await _line(each) for name, each in servers.items()}
    times: Times = {name: [] for name in servers}
    for nth in range(TRIPS + 5):
        for name, line in lines.items():
            began = time.perf_counter()
            await exchange(line, "kernel_info_request", {})
            if nth >= 5:
                times[name].append(time.perf_counter() - began)
            await asyncio.sleep(0.01)
    for line in lines.values():
        line.close()
    return times


async def _line(server: JupyterProcess) -> Any:
    kernel = server.request("POST", "api/kernels", {})["id"]
    return await connect(server, kernel)


async def connect(server: JupyterProcess, kernel: str) -> Any:
    """The websocket of a kernel."""
    address = server.url.replace("http", "ws", 1)
    query = f"token={server.token}&session_id=bench"
    return await websocket_connect(f"{address}api/kernels/{kernel}/channels?{query}")


async def execute(server: JupyterProcess, kernel: str, code: str) -> None:
    """Run code in a kernel, to its end."""
    line = await connect(server, kernel)
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
    await exchange(line, "execute_request", content | {"allow_stdin": False})
    line.close()


async def exchange(line: Any, kind: str, content: dict[str, Any]) -> None:
    """Send a message, and read until the kernel is idle after it."""
    id_ = f"{kind}-{time.perf_counter_ns()}"
    header = {"msg_id": id_, "msg_type": kind, "session": "bench", "username": ""}
    header |= {"version": "5.3", "date": "2026-01-01T00:00:00Z"}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await line.write_message(json.dumps(message | {"channel": "shell", "buffers": []}))
    while True:
        said = json.loads(await line.read_message())
        mine = said["parent_header"].get("msg_id") == id_
        if mine and said["content"].get("execution_state") == "idle":
            return


if __name__ == "__main__":
    main()
