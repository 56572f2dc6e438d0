"""What schemathesis makes of our own description, sent to a real server: never a 5xx, never an
answer that is not described.

Values that fit the description and values that do not, in turn; recipes that exist among them, so
that more than the first check of a route is met.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mechwidget.server import plugin_health
from tests.server.described import description
from tests.server.documents import recipe
from tests.server.jupyter import BASE, Jupyter

EXAMPLES = 7
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance")
CHECKS += ("response_schema_conformance", "response_headers_conformance")
KNOWN = ["a.mech.json", "b.mech.json", "folder/c.mech.json"]


BARE = ("GET /", "GET /rest-api.yaml", "GET /sessions")  # nothing in them can be wrong
ENDLESS = ("GET /events",)


def requests():
    schema = schemathesis.openapi.from_dict(description())
    for operation in (each.ok() for each in schema.get_all_operations()):
        for mode in schemathesis.GenerationMode:
            bare = operation.label in BARE and mode is schemathesis.GenerationMode.NEGATIVE
            if not bare and operation.label not in ENDLESS:
                yield pytest.param(operation, mode, id=f"{operation.label} {mode.value}")


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    with Jupyter(tmp_path_factory.mktemp("fuzzed")) as running:
        yield running


@pytest.fixture(autouse=True)
def recipes(fuzzed, monkeypatch):
    monkeypatch.setattr(plugin_health, "_COMMAND", ("-c", "print('[]')"))
    (fuzzed.root / "folder").mkdir(exist_ok=True)
    new = {"If-None-Match": "*"}
    for path in KNOWN:
        fuzzed.http.put(f"/recipes/{path}", json=recipe(), headers=new)


PATHS = st.one_of(
    st.sampled_from(KNOWN),
    st.text(min_size=1, max_size=20).map(lambda name: f"{name}.mech.json"),
)


@st.composite
def cases(draw, operation, mode):
    case = draw(operation.as_strategy(generation_mode=mode))
    if "path" in case.path_parameters and draw(st.booleans()):
        case.path_parameters["path"] = quote(draw(PATHS), safe="")
    if case.method in ("PUT", "PATCH", "DELETE") and draw(st.booleans()):
        case.headers["If-Match"] = "*"
        case.headers.pop("If-None-Match", None)
    if isinstance(case.body, dict) and draw(st.booleans()):
        case.body = {**case.body, **draw(st.sampled_from([recipe(), {"path": "a.mech.json"}]))}
    return case


@pytest.mark.parametrize(("operation", "mode"), list(requests()))
def test_no_request_breaks_the_server(fuzzed, operation, mode):
    checks = schemathesis.checks.CHECKS.get_by_names(CHECKS)
    url = f"http://127.0.0.1:{fuzzed.app.port}{BASE}mechwidget/api"

    @settings(
        max_examples=1 if operation.label in BARE else EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(operation, mode))
    def sent(case):
        token = {"Authorization": f"token {fuzzed.token}"}
        response = case.call(base_url=url, headers=token, allow_redirects=False)
        case.validate_response(response, checks=checks)

    sent()
