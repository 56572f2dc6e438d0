"""The JupyterLab extension where things are otherwise: Notebook 7, no server extension, other
extensions that add to it, and a panel that is narrow or full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import RESULTS, VIEWPORT, check_manners, opened
from tests.browser.lab_page import TIMEOUT_MS, LabPage
from tests.browser.notebook_page import NotebookPage, write_notebook
from tests.browser.pictures import look

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.lab_server import LabServer

pytestmark = pytest.mark.browser

ADD_VIEW = """async () => {
  const { IMechwidgetRegistry } = (await window._JUPYTERLAB.mechwidget.get("./extension"))();
  const registry = await window.jupyterapp.resolveRequiredService(IMechwidgetRegistry);
  registry.addView({ id: "other:view", title: "Of another", render(el, { onSessions }) {
    onSessions(sessions => { el.textContent = `${sessions.length} sessions`; });
  }});
  registry.addView({ id: "other:bad", title: "Bad", render() { throw new Error("it broke"); } });
}"""


def a_session(nth: int) -> dict:
    return {
        "id": f"s{nth}",
        "revision": 1,
        "model": {
            "name": "meta-llama/Llama-3.2-1B-Instruct" if nth % 3 else "gpt2",
            "n_layers": 16,
            "parameters": 1_235_814_400,
            "bytes": 4_943_257_600,
            "dtype": "bfloat16",
            "device": "cuda:0" if nth % 2 else "cpu",
        },
        "prompt": "When Mary and John went to the store, John gave a drink to " * (1 + nth % 2),
        "other_prompt": None,
        "tokens": 14,
        "interventions": [
            {
                "id": i,
                "type": ("ablate", "steer", "patch")[i % 3],
                "sentence": f"Steer layer {i} along “a direction with a very long name” by 4.0",
                "enabled": bool(i % 4),
                "name": None,
            }
            for i in range(nth * 2)
        ],
        "interventions_total": nth * 2,
        "metric": {
            "label": "logit difference ·Mary, ·John",
            "unit": "logits",
            "before": 3.34,
            "after": None if nth == 5 else -1.2,
        },
        "phase": "error" if nth == 4 else "ready",
        "error": "The model ran out of memory." if nth == 4 else None,
        "undo": "Zero head 9.9" if nth else None,
        "redo": None,
        "memory": {"device_allocated": 5_100_000_000, "device_total": 24_000_000_000}
        if nth % 2
        else {"device_allocated": None, "device_total": None},
        "sweep": {"done": 40, "total": 178} if nth == 3 else None,
    }


TWELVE = {
    "kernels": [
        {
            "id": f"k{k}",
            "name": "python3",
            "path": f"experiments/a-notebook-with-a-rather-long-name-{k}.ipynb",
            "execution_state": "busy" if k == 1 else "idle",
            "state": "answered",
            "sessions": [a_session(3 * k + nth) for nth in range(3)],
            "process": {"pid": 1, "python": "3.12", "bytes": 6_200_000_000},
        }
        for k in range(4)
    ]
    + [
        {
            "id": "b",
            "name": "python3",
            "path": "busy.ipynb",
            "execution_state": "busy",
            "state": "busy",
            "sessions": [],
        }
    ]
}


def test_twelve_sessions_in_200_pixels_and_views_of_others(
    browser: Browser, server: LabServer
) -> None:
    with opened(browser, server, "around.ipynb") as notebook:
        body = json.dumps(TWELVE)
        notebook.page.route("**/mechwidget/api/sessions?*", lambda r: r.fulfill(body=body))
        notebook.open(["1 + 1"])
        lab = LabPage(notebook)
        lab.show_panel()
        expect(lab.panel.get_by_test_id("mw-lab-session")).to_have_count(12, timeout=TIMEOUT_MS)
        notebook.page.evaluate(ADD_VIEW)
        expect(lab.panel.get_by_text("12 sessions")).to_be_visible()
        expect(lab.panel.get_by_text("it broke")).to_be_visible()
        for width in (200, 360):
            notebook.page.evaluate(
                "w => { document.querySelector('#mechwidget-panel').style.width = `${w}px`; }",
                width,
            )
            assert lab.panel.evaluate("el => el.scrollWidth <= el.clientWidth")
            look(notebook, notebook.page.locator("#mechwidget-panel"), f"lab-twelve-{width}")
        lab.command("apputils:display-notifications")
        notices = lab.page.locator(".jp-Notification-List")
        expect(notices).to_contain_text("40 of 178", timeout=TIMEOUT_MS)
        done = json.dumps({**a_session(3), "sweep": None})
        notebook.page.route("**/mechwidget/api/sessions/k1/s3*", lambda r: r.fulfill(body=done))
        with notebook.page.expect_request("**/mechwidget/api/sessions/k1/s3*") as asked:
            notices.get_by_text("Cancel").click()
        assert "cancel_sweep" in str(asked.value.post_data)
        expect(notices.get_by_text("40 of 178")).to_have_count(0)
        check_manners(notebook)


# After the page is read, and before JupyterLab runs: what the server has told it of the extension.
NO_ROUTES = """document.addEventListener("readystatechange", () => {
  const told = document.getElementById("jupyter-config-data");
  if (told) told.textContent = told.textContent.replace("mechwidgetRoutes", "nothing");
})"""


def test_without_the_server_extension_the_panel_says_so(
    browser: Browser, server: LabServer
) -> None:
    with opened(browser, server, "without.ipynb") as notebook:
        notebook.page.add_init_script(NO_ROUTES)
        notebook.open(["1 + 1"])
        lab = LabPage(notebook)
        lab.show_panel()
        told = lab.panel.get_by_test_id("mw-lab-no-server")
        expect(told).to_contain_text("jupyter server extension enable mechwidget.server")
        expect(lab.status).to_be_hidden()
        lab.page.screenshot(path=RESULTS / "lab-without.png")
        assert not [url for url in notebook.requests if "mechwidget/api" in url]
        check_manners(notebook)


def test_notebook_7_has_the_panel(browser: Browser, server: LabServer) -> None:
    context = browser.new_context(viewport=VIEWPORT)
    notebook = NotebookPage(context.new_page(), server, "seven.ipynb")
    write_notebook(server.root / "seven.ipynb", ["1 + 1"], "python3")
    url = server.url("seven.ipynb").replace("/lab/tree/", "/notebooks/")
    notebook.page.goto(url)
    notebook.wait_for_kernel()
    # Notebook 7.6 complains about a schema while it starts, also without us.
    notebook.complaints.clear()
    lab = LabPage(notebook)
    lab.show_panel()
    expect(lab.panel.get_by_test_id("mw-lab-models")).to_contain_text(
        "microcosm", timeout=TIMEOUT_MS
    )
    lab.page.screenshot(path=RESULTS / "lab-notebook-7.png")
    check_manners(notebook)
    notebook.shut_down()
    context.close()
