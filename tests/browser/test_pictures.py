"""Pictures and tables out of the page: what a person saves, read again as what it says it is."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import RESULTS

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.workbench_page import WorkbenchPage

pytestmark = pytest.mark.browser

PICTURES = RESULTS / "pictures"
TIMEOUT_MS = 20_000
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<img src=x onerror=alert(1)> & \\u202e \\u0000 ]]> seven"
EDITS = "session.ablate(mw.Head(0, 2)); session.toggle(mw.Scale(mw.Neuron(3, 83), 2.0))"


def save(shown: Locator, pane: str, kind: str, name: str) -> Path:
    """Press the button of a pane and take what is downloaded."""
    shown.locator(pane).get_by_test_id("mw-picture-open").first.click()
    page = shown.page
    with page.expect_download(timeout=TIMEOUT_MS) as started:
        shown.get_by_test_id(f"mw-save-{kind}").click()
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


def test_a_pane_becomes_a_file_of_its_own(workbench: WorkbenchPage) -> None:
    notebook, shown = workbench.notebook, workbench.root
    workbench.execute(EDITS)
    for theme in ("dark", "light"):
        notebook.set_theme(f"JupyterLab {theme.title()}")
        expect(shown.locator("xpath=ancestor-or-self::*[@data-mw-theme]")).to_have_attribute(
            "data-mw-theme", theme
        )
        expect(workbench.get("mw-attention-readout")).not_to_be_empty()
        for pane in (".mw-heads", ".mw-attention", ".mw-outcome", ".mw-strip"):
            root = ET.parse(save(shown, pane, "svg", f"{pane[4:]}-{theme}")).getroot()
            harmless(root)
            said = " ".join(words(root))
            assert "Model: microcosm (4 layers" in said
            assert "Edits: Zero head 0.2; Scale neuron 3.83 by 2" in said
            assert "Metric: logit difference" in said
            assert "Prompt: <|endoftext|> ·The ·capital" in said
            assert root.find(f"{SVG}title") is not None
            assert "mechwidget" in (root.findtext(f"{SVG}desc") or "")

        # Vector where the view is: a rectangle for each cell, its number as text.
        root = ET.parse(PICTURES / f"heads-{theme}.svg").getroot()
        cells = [one for one in root.iter(f"{SVG}rect") if 20 < float(one.get("width", 0)) < 60]
        assert len(cells) >= 20
        printed = workbench.cell(1, 1).inner_text()
        assert printed
        assert printed in words(root)
        assert "Scale:" in " ".join(words(root))
        matrix = ET.parse(PICTURES / f"attention-{theme}.svg").getroot()
        assert len(list(matrix.iter(f"{SVG}image"))) == 1
        assert [g for g in matrix.iter(f"{SVG}g") if "matrix" in g.get("transform", "")]

        png = save(shown, ".mw-heads", "png", f"heads-{theme}").read_bytes()
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        root = ET.parse(PICTURES / f"heads-{theme}.svg").getroot()
        width, height = struct.unpack(">II", png[16:24])
        assert (width, height) == (2 * int(root.get("width")), 2 * int(root.get("height")))

    workbench.get("mw-tab-neurons").click()
    expect(shown.locator(".mw-neuron-told li").first).to_be_visible(timeout=TIMEOUT_MS)
    root = ET.parse(save(shown, ".mw-neurons", "svg", "neurons-light")).getroot()
    harmless(root)
    assert len(list(root.iter(f"{SVG}image"))) >= 10
    assert "mlp_post" in " ".join(words(root))

    # Tokens that look like markup are text in the file too.
    workbench.execute(f'session.prompt = "{HOSTILE}"')
    root = ET.parse(save(shown, ".mw-strip", "svg", "hostile")).getroot()
    harmless(root)
    said = words(root)
    tokens = workbench.tokens
    assert "<" in tokens
    assert set(tokens) <= set(said)
    assert "\u202e" not in "".join(said)


def test_numbers_are_copied_as_a_table(workbench: WorkbenchPage) -> None:
    page, shown = workbench.page, workbench.root
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opener = shown.locator(".mw-outcome").get_by_test_id("mw-picture-open")
    opener.focus()
    opener.press("ArrowDown")
    menu = workbench.get("mw-picture-menu")
    expect(menu).to_be_visible()
    assert violations(page, workbench.selector) == []
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(menu).to_contain_text("rows copied")
    copied = page.evaluate("() => navigator.clipboard.readText()").splitlines()
    expected = workbench.python(
        "[list(workbench.table().columns), [str(t) for t in workbench.table().columns['id']]]"
    )
    assert copied[0].split("\t") == expected[0]
    assert [line.split("\t")[0] for line in copied[1:]] == expected[1]
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(opener).to_be_focused()
    frame = "workbench.to_dataframe('head-map')"
    assert workbench.python(f"type({frame}).__name__") == "DataFrame"
