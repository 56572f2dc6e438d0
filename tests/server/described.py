"""Whether an answer is one that `rest-api.yaml` describes.

In flows a response; out flows nothing, or an assertion with what does not fit. A schema of OpenAPI
3.1 is a JSON Schema, so jsonschema judges the bodies.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import jsonschema
import yaml

import mechwidget.server

FILE = Path(mechwidget.server.__file__).parent / "rest-api.yaml"
ROOT = "/mechwidget/api"

seen: set[tuple[str, str, str]] = set()
"""Which template, method and status some test of this run has met."""


@cache
def description():
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def resolved(node):
    while "$ref" in node:
        target = description()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def template_of(path: str) -> str | None:
    """The path of the description that a request was to."""
    inside = path.partition(ROOT)[2] or "/"
    for template in sorted(description()["paths"], key=lambda each: each.count("{")):
        deep = "{path}" in template
        pattern = re.sub(r"\\{\w+\\}", ".+" if deep else "[^/]+", re.escape(template))
        if re.fullmatch(pattern, inside.rstrip("/") or "/"):
            return template
    return None


def check(response) -> None:
    """Hold a response against the description."""
    request = response.request
    template = template_of(request.url.raw_path.decode().partition("?")[0])
    method = request.method.lower()
    operation = description()["paths"].get(template, {}).get(method)
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if operation is None:  # no route, or none of this method: still said in our form
        response.read()
        assert response.status_code in (204, 400, 403, 404, 405), response
        if response.status_code != 204 and method != "head":
            validate(response.json(), {"$ref": "#/components/schemas/Error"})
        return
    status = str(response.status_code)
    assert status in operation["responses"], f"{method} {template} answered {status}"
    seen.add((template, method, status))
    described = resolved(operation["responses"][status])
    for name, header in described.get("headers", {}).items():
        header = resolved(header)
        assert name in response.headers or not header.get("required"), f"{name} is missing"
        if name in response.headers:
            validate(response.headers[name], header["schema"])
    content = described.get("content", {})
    if not content:
        assert not response.read()
        return
    assert kind in content, f"{method} {template} answered {status} as {kind!r}"
    if kind == "application/json":
        response.read()
        validate(response.json(), content[kind]["schema"])


def validate(value, schema) -> None:
    """Hold a value against a schema that may refer to the description's own."""
    whole = {**schema, "components": description()["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)
