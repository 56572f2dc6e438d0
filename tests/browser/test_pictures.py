"""Pictures and tables out of the page: what a person saves, read again as what it says it is."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import RESULTS, SETUP

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook_page import NotebookPage

pytestmark = pytest.mark.browser

PICTURES = RESULTS / "pictures"
TIMEOUT_MS = 20_000
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<img src=x onerror=alert(1)> & \\u202e \\u0000 ]]> seven"
SESSION = f"""{SETUP}
prompt = 'lamp Tuesday seven Oslo bird clean Tom kite lamp Tuesday seven Oslo bird clean Tom'
session = mw.Session(model, prompt, metric=mw.LogitDiff(' kite', ' lamp'))
session.ablate(mw.Head(0, 2))
session.toggle(mw.Scale(mw.Neuron(3, 83), 2.0))
workbench = mw.Workbench(session)
workbench"""


def save(workbench: Locator, pane: str, kind: str, name: str) -> Path:
    """Press the button of a pane and take what is downloaded."""
    workbench.locator(pane).get_by_test_id("mw-picture-open").first.click()
    page = workbench.page
    with page.expect_download(timeout=TIMEOUT_MS) as started:
        workbench.get_by_test_id(f"mw-save-{kind}").click()
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.{kind}"
    started.value.save_as(path)
    assert started.value.suggested_filename.endswith(f".{kind}")
    return path


def words(root: ET.Element) -> list[str]:
    return [text for element in root.iter(f"{SVG}text") if (text := "".join(element.itertext()))]


def harmless(root: ET.Element) -> None:
    """No script, no handler, and nothing that is not in the file itself."""
    for element in root.iter():
        assert element.tag.removeprefix(SVG) not in {"script", "foreignObject", "a", "use", "style"}
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            assert "http" not in value
            if name.endswith("href"):
                assert value.startswith("data:image/png;base64,")


@pytest.fixture
def workbench(open_notebook: OpenNotebook) -> Locator:
    notebook: NotebookPage = open_notebook(SESSION)
    notebook.page.set_viewport_size({"width": 1500, "height": 1500})
    notebook.run_cell(0)
    shown = notebook.page.get_by_test_id("mw-workbench")
    expect(shown).to_have_attribute("data-mw-outcome-revision", "2", timeout=TIMEOUT_MS)
    shown.notebook = notebook
    return shown


def test_a_pane_becomes_a_file_of_its_own(workbench: Locator) -> None:
    notebook = workbench.notebook
    for theme in ("light", "dark"):
        notebook.set_theme(f"JupyterLab {theme.title()}")
        expect(workbench.locator("xpath=ancestor-or-self::*[@data-mw-theme]")).to_have_attribute(
            "data-mw-theme", theme
        )
        expect(workbench.get_by_test_id("mw-attention-readout")).not_to_be_empty()
        for pane in (".mw-heads", ".mw-attention", ".mw-outcome", ".mw-strip"):
            path = save(workbench, pane, "svg", f"{pane[4:]}-{theme}")
            root = ET.parse(path).getroot()
            harmless(root)
            said = " ".join(words(root))
            assert "Model: microcosm (4 layers" in said
            assert "Edits: Zero head 0.2; Scale neuron 3.83 by 2" in said
            assert "Metric: logit difference" in said
            assert "Prompt: <|endoftext|> ·lamp ·Tuesday" in said
            assert root.find(f"{SVG}title") is not None
            assert "mechwidget" in (root.findtext(f"{SVG}desc") or "")

        # Vector where the view is: a rectangle for each cell, its number as text.
        root = ET.parse(PICTURES / f"heads-{theme}.svg").getroot()
        cells = [one for one in root.iter(f"{SVG}rect") if 20 < float(one.get("width", 0)) < 60]
        assert len(cells) >= 20
        printed = workbench.get_by_test_id("mw-cell-1-1").inner_text()
        assert printed
        assert printed in words(root)
        assert "Scale:" in " ".join(words(root))
        matrix = ET.parse(PICTURES / f"attention-{theme}.svg").getroot()
        assert len(list(matrix.iter(f"{SVG}image"))) == 1
        turned = [g for g in matrix.iter(f"{SVG}g") if "matrix" in g.get("transform", "")]
        assert turned

        png = save(workbench, ".mw-heads", "png", f"heads-{theme}").read_bytes()
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        root = ET.parse(PICTURES / f"heads-{theme}.svg").getroot()
        width, height = struct.unpack(">II", png[16:24])
        assert (width, height) == (2 * int(root.get("width")), 2 * int(root.get("height")))

    workbench.get_by_test_id("mw-tab-neurons").click()
    expect(workbench.locator(".mw-neuron-told li").first).to_be_visible(timeout=TIMEOUT_MS)
    root = ET.parse(save(workbench, ".mw-neurons", "svg", "neurons-dark")).getroot()
    harmless(root)
    assert len(list(root.iter(f"{SVG}image"))) >= 11
    assert "mlp_post" in " ".join(words(root))


def test_hostile_tokens_are_text_in_the_file_too(workbench: Locator) -> None:
    workbench.notebook.execute(f'session.prompt = "{HOSTILE}"; session.wait()')
    expect(workbench.locator("[data-token]").first).to_be_visible()
    expect(workbench).to_have_attribute("data-mw-outcome-revision", "3", timeout=TIMEOUT_MS)
    root = ET.parse(save(workbench, ".mw-strip", "svg", "hostile")).getroot()
    harmless(root)
    said = words(root)
    shown = workbench.locator("[data-token] .mw-token-text").all_inner_texts()
    assert "<" in shown
    assert set(shown) <= set(said)
    assert "\u202e" not in "".join(said)


def test_numbers_are_copied_as_a_table(workbench: Locator) -> None:
    page = workbench.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opener = workbench.locator(".mw-outcome").get_by_test_id("mw-picture-open")
    opener.focus()
    opener.press("ArrowDown")
    menu = workbench.get_by_test_id("mw-picture-menu")
    expect(menu).to_be_visible()
    assert violations(page, "[data-testid=mw-workbench]") == []
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(menu).to_contain_text("rows copied")
    copied = page.evaluate("() => navigator.clipboard.readText()").splitlines()
    expected = workbench.notebook.python(
        "[list(workbench.table().columns), [str(t) for t in workbench.table().columns['id']]]"
    )
    assert copied[0].split("\t") == expected[0]
    assert [line.split("\t")[0] for line in copied[1:]] == expected[1]
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(opener).to_be_focused()
    assert workbench.notebook.python("type(workbench.to_dataframe('head-map')).__name__") == (
        "DataFrame"
    )
