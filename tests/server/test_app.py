"""The extension in its server: configured, described, light, and quick on the wire."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest
import yaml
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from tornado.websocket import websocket_connect

import mechwidget
from mechwidget.recipes import VERSION
from mechwidget.server import _jupyter_server_extension_points, app, nodelay
from mechwidget.server.routes import NAMED
from tests.server.described import FILE, description
from tests.server.documents import recipe
from tests.server.jupyter import BASE, Jupyter, address

LIGHT = """
import sys
import mechwidget.server.app
from mechwidget.server.documents import compare, judge
from tests.server.documents import recipe
assert judge(recipe())["valid"] and compare(recipe(), recipe())["same"]
print([name for name in ("torch", "transformers", "huggingface_hub") if name in sys.modules])
"""


def test_importing_it_costs_neither_torch_nor_transformers():
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", LIGHT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_it_is_what_jupyter_looks_for():
    (point,) = _jupyter_server_extension_points()
    assert point["app"] is app.MechwidgetServer
    enabled = Path(mechwidget.__file__).parent / "server" / "jupyter_server_config.json"
    assert json.loads(enabled.read_text()) == {
        "ServerApp": {"jpserver_extensions": {point["module"]: True}}
    }


def test_capabilities(jupyter):
    told = jupyter.http.get("/").json()
    assert told["routes"] == list(NAMED)
    assert told["versions"]["mechwidget"] == mechwidget.__version__
    assert told["versions"]["recipe"] == VERSION
    assert told["limits"]["recipe_bytes"] == jupyter.ours.max_recipe_bytes


def test_the_description_is_served_and_valid(jupyter):
    served = jupyter.http.get("/rest-api.yaml")
    assert served.text == FILE.read_text(encoding="utf-8")
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(yaml.safe_load(served.text))


def test_every_schema_of_the_description_is_one():
    for name, schema in description()["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema), name


def test_configuration_is_taken(tmp_path, caplog):
    settings = {"enabled_routes": ["models", "gizmos"], "max_recipe_bytes": 100}
    with Jupyter(tmp_path / "served", {"MechwidgetServer": settings}) as small:
        told = small.http.get("/").json()
        assert (told["routes"], told["limits"]["recipe_bytes"]) == (["models"], 100)
        assert small.http.get("/models").status_code == 200
        for off in ("/recipes", "/events", "/sessions"):
            refused = small.http.get(off)
            assert refused.status_code == 404
            assert refused.json()["error"]["type"] == "no_route"


def test_a_limit_on_recipes_is_kept(tmp_path):
    with Jupyter(tmp_path / "served", {"MechwidgetServer": {"max_recipe_bytes": 100}}) as small:
        new = {"If-None-Match": "*"}
        refused = small.http.put(address("a.mech.json"), json=recipe(), headers=new)
        assert refused.status_code == 413
        assert "max_recipe_bytes" in refused.json()["error"]["hint"]


def test_what_goes_wrong_inside_is_not_told(jupyter, monkeypatch):
    async def broken(**_):
        raise RuntimeError("secret")

    monkeypatch.setattr(jupyter.ours.models, "list", broken)
    jupyter.http.event_hooks, hooks = {}, jupyter.http.event_hooks
    answer = jupyter.http.get("/models")
    jupyter.http.event_hooks = hooks
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "internal"
    assert "secret" not in answer.text


def test_what_was_done_is_recorded(jupyter, root):
    heard = []

    async def listener(logger, schema_id, data):
        heard.append((schema_id, data["action"], data["path"], data.get("source_path")))

    for kind in ("recipe", "session"):
        schema = f"urn:mechwidget:server:{kind}:v1"
        assert schema in jupyter.app.event_logger.schemas
        jupyter.app.event_logger.add_listener(schema_id=schema, listener=listener)
    written = jupyter.http.put(
        address("a.mech.json"), json=recipe(), headers={"If-None-Match": "*"}
    )
    match = {"If-Match": written.headers["ETag"]}
    jupyter.http.put(address("a.mech.json"), json=recipe(title="x"), headers={"If-Match": "*"})
    jupyter.http.put(address("a.mech.json"), json=recipe(), headers=match)  # 412: not done
    jupyter.http.patch(
        address("a.mech.json"), json={"path": "b.mech.json"}, headers={"If-Match": "*"}
    )
    jupyter.http.delete(address("b.mech.json"), headers={"If-Match": "*"})
    jupyter.http.get("/")
    schema = "urn:mechwidget:server:recipe:v1"
    assert heard == [
        (schema, "created", "a.mech.json", None),
        (schema, "changed", "a.mech.json", None),
        (schema, "renamed", "b.mech.json", "a.mech.json"),
        (schema, "deleted", "b.mech.json", None),
    ]


def test_the_websocket_of_a_kernel_sends_at_once(jupyter):
    made = jupyter.jupyter("POST", "api/kernels", json={}).json()
    seen = []
    connected = KernelWebsocketHandler.on_message

    def on_message(self, message):
        raw = self.ws_connection.stream.socket
        seen.append(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return connected(self, message)

    async def talk():
        url = f"ws://127.0.0.1:{jupyter.app.port}{BASE}api/kernels/{made['id']}/channels"
        line = await websocket_connect(f"{url}?token={jupyter.token}&session_id=x")
        header = {"msg_id": "1", "msg_type": "kernel_info_request", "session": "x", "username": ""}
        header |= {"version": "5.3", "date": "2026-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": {}}
        await line.write_message(json.dumps(message | {"channel": "shell", "buffers": []}))
        while json.loads(await line.read_message())["msg_type"] != "kernel_info_reply":
            pass
        line.close()

    KernelWebsocketHandler.on_message = on_message
    try:
        jupyter.do(talk())
    finally:
        KernelWebsocketHandler.on_message = connected
        jupyter.jupyter("DELETE", f"api/kernels/{made['id']}")
    assert seen == [1]


class Handler:
    """What `open` of a websocket does and is told, without a websocket."""

    nodelay = None

    async def open(self, *args, **named):
        return args, named, self.nodelay

    def set_nodelay(self, value):
        self.nodelay = value


def in_a_loop(made):
    """What a coroutine returns; in a thread, since a browser's loop may run in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, made).result()


def test_opening_does_what_it_did_and_is_wrapped_once():
    class Once(Handler):
        pass

    assert nodelay.send_at_once(Once)
    first = Once.open
    assert nodelay.send_at_once(Once)
    assert Once.open is first

    class Stubborn(Handler):
        def set_nodelay(self, value):
            raise OSError("no such option")

    assert nodelay.send_at_once(Stubborn)
    assert not nodelay.send_at_once(object)

    async def opened(kind):
        return await kind().open("k", a=1)

    assert in_a_loop(opened(Once)) == (("k",), {"a": 1}, True)
    assert in_a_loop(opened(Stubborn)) == (("k",), {"a": 1}, None)
