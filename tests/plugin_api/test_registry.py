"""The one door: what is declared, found, loaded when it is used, judged and remembered."""

from __future__ import annotations

import sys
import threading
import time
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechwidget.plugin_api import API_VERSION, GROUPS, REGISTRY, Health, Registry, plugins
from mechwidget.plugin_api import loading as loadings
from mechwidget.plugin_api.declared import OWN, Declared, installed, own
from mechwidget.plugin_api.report import PluginReport
from mechwidget.plugin_api.version import misfit

ROOT = Path(__file__).parent.parent.parent
GOOD = """
from mechwidget.analysis import MapScore, empty_map
IMPORTED = True
SCORE = MapScore({name!r}, "t", "c", "", "sequential", None, frozenset(),
                 lambda given: empty_map(given.model))
"""


def score(name, module=None, distribution="somebody"):
    return Declared("scores", name, f"{module or name}:SCORE", distribution, "1")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """`write(name, source)` makes a module that can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def module(name, source=None):
        (tmp_path / f"{name}.py").write_text(source or GOOD.format(name=name))
        made.append(name)

    yield module
    for name in made:
        sys.modules.pop(name, None)


def test_an_interrupt_while_ours_load_is_the_persons_and_the_next_try_works(monkeypatch):
    declared = next(each for each in own() if each.name == "scale")
    registry = Registry(lambda: [declared])

    def interrupted(name):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loadings, "import_module", interrupted)
        with pytest.raises(KeyboardInterrupt):
            registry.part("interventions", "scale")
    assert registry.part("interventions", "scale").kind == "scale"


def test_our_own_parts_are_declared_in_pyproject_as_in_the_code():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["entry-points"]
    assert declared == {f"mechwidget.{group}": parts for group, parts in OWN.items() if parts}
    assert set(OWN) == set(GROUPS)


def test_all_of_them_work():
    records = [each for each in plugins(own=True) if each.own]
    assert len(records) == sum(map(len, OWN.values()))
    assert {each.state for each in records} == {"ok"}


def test_every_view_and_kind_of_ours_is_declared():
    from mechwidget import interventions, views
    from mechwidget.interventions import Intervention
    from mechwidget.views.session_view import SessionView

    def classes(module, kind):
        parts = (getattr(module, name) for name in module.__all__)
        return {p for p in parts if isinstance(p, type) and issubclass(p, kind)}

    declared = {group: set(REGISTRY.parts(group).values()) for group in ("views", "interventions")}
    assert classes(views, SessionView) <= declared["views"]
    assert classes(interventions, Intervention) - {Intervention} <= declared["interventions"]


def test_nothing_is_imported_before_it_is_used(write):
    write("lazy_one")
    write("lazy_two")
    registry = Registry(lambda: [score("lazy_one"), score("lazy_two")])
    assert registry.names("scores") == ("lazy_one", "lazy_two")
    assert {each.state for each in registry.health()} == {"not loaded"}
    assert not {"lazy_one", "lazy_two"} & set(sys.modules)
    assert registry.part("scores", "lazy_two").name == "lazy_two"
    assert "lazy_one" not in sys.modules
    assert [each.state for each in registry.health()] == ["not loaded", "ok"]


def test_a_name_belongs_to_whoever_came_first(write):
    write("first")
    write("second", GOOD.format(name="first"))
    found = [score("first"), score("first", "second", "another")]
    registry = Registry(lambda: found)
    assert registry.parts("scores")["first"].name == "first"
    assert "second" not in sys.modules
    assert [each.state for each in registry.health()] == ["ok", "failed"]
    assert "taken by somebody" in registry.health()[1].reason


def test_what_is_installed_later_is_found_and_what_is_loaded_stays(write):
    write("early")
    found = [score("early")]
    registry = Registry(lambda: list(found))
    part = registry.part("scores", "early")
    before = registry.version("scores")
    write("late")
    found.append(score("late"))
    assert registry.part("scores", "late") is None
    registry.look_again()
    assert registry.part("scores", "late").name == "late"
    assert registry.part("scores", "early") is part
    assert registry.version("scores") > before


def test_one_that_takes_long_is_named_and_comes_in_late(write, monkeypatch):
    monkeypatch.setattr(loadings, "PATIENCE_S", 0.05)
    monkeypatch.setattr(loadings, "SLOW_S", 0.05)
    write(
        "dawdler", "import time, builtins\nbuiltins.gate.wait(20)\n" + GOOD.format(name="dawdler")
    )
    import builtins

    builtins.gate = threading.Event()
    registry = Registry(lambda: [score("dawdler")])
    assert registry.parts("scores") == {}
    record = registry.record("scores", "dawdler")
    assert (record.state, record.usable) == ("slow", False)
    assert "left out meanwhile" in record.reason
    begun = time.monotonic()
    assert registry.parts("scores") == {}  # nobody waits for it twice
    assert time.monotonic() - begun < 5
    builtins.gate.set()
    ends = time.monotonic() + 20
    while not registry.parts("scores") and time.monotonic() < ends:
        time.sleep(0.01)
    record = registry.record("scores", "dawdler")
    assert (record.state, record.usable) == ("slow", True)
    assert record.reason.startswith("its import took")
    assert record.seconds > 0
    del builtins.gate


@pytest.mark.parametrize(
    ("source", "state", "said"),
    [
        ("raise RuntimeError('no <b>luck</b>')", "failed", "RuntimeError: no <b>luck</b>"),
        ("raise SystemExit(3)", "failed", "SystemExit: 3"),
        ("syntax error", "failed", "SyntaxError"),
        ("raise BaseException", "failed", "BaseException"),
        ("SCORES = 1", "failed", "AttributeError"),
        ("SCORE = None", "wrong protocol", "has no compute"),
        ("SCORE = ()", "wrong protocol", "empty"),
        ("mechwidget_api = '2.0'\n" + GOOD, "incompatible", "a newer mechwidget"),
    ],
)
def test_each_way_of_being_broken_has_its_state_and_reason(write, source, state, said):
    write("broken_one", source.replace("{name!r}", "'broken_one'"))
    write("good_one")
    registry = Registry(lambda: [score("broken_one"), score("good_one")])
    assert list(registry.parts("scores")) == ["good_one"]
    record = registry.record("scores", "broken_one")
    assert (record.state, record.usable) == (state, False)
    assert said in record.reason
    assert registry.names("scores") == ("good_one",)


def test_whoever_raises_is_found_by_where_it_did(write):
    write("culprit", GOOD.format(name="culprit") + "\ndef fail():\n    return 1 / 0\n")
    registry = Registry(lambda: [score("culprit", distribution="bad-plugin")])
    part = registry.part("scores", "culprit")
    with pytest.raises(ZeroDivisionError) as caught:
        sys.modules["culprit"].fail()
    assert (
        registry.culprit(caught.value) == "bad-plugin 1 failed: ZeroDivisionError: division by zero"
    )
    record = registry.record("scores", "culprit")
    assert (record.state, record.usable) == ("failed", True)
    assert registry.part("scores", "culprit") is part
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018
    assert registry.culprit(caught.value) == ""


major, minor = map(int, API_VERSION.split("."))


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_plugin_fits_where_its_major_is_ours_and_its_minor_not_above(theirs, lesser):
    part = type("Part", (), {"mechwidget_api": f"{theirs}.{lesser}"})
    fits = theirs == major and lesser <= minor
    assert (misfit(part, "nowhere") == "") == fits


def test_what_a_plugin_may_say_of_its_api():
    def saying(said):
        return misfit(type("Part", (), {"mechwidget_api": said}), "nowhere")

    assert saying(None) == saying(major) == saying(str(major)) == ""
    assert "expected" in saying("soon")
    assert "a newer version of the plugin" in saying("0.9")


def test_metadata_that_cannot_be_read_are_named_and_hide_nobody(tmp_path):
    def dist(name, points, more=""):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{more}"
        )
        (folder / "entry_points.txt").write_text(points)

    dist("good_one", "[mechwidget.scores]\na = m:A\n")
    dist("bad-one", "[mechwidget.scores]\nno equals sign\n")
    dist("no-concern", "[console_scripts]\nbroken\n")
    dist("mechwidget", "[mechwidget.scores]\nold = an.old:PART\n")
    (tmp_path / "nameless-1.dist-info").mkdir()
    found = {
        each.distribution: each for each in installed(metadata.distributions(path=[str(tmp_path)]))
    }
    assert set(found) == {"good-one", "bad-one"}
    assert found["good-one"].value == "m:A"
    assert "cannot be read" in found["bad-one"].fault
    registry = Registry(lambda: found.values())
    states = {each.distribution: each.state for each in registry.health()}
    assert states == {"good-one": "not loaded", "bad-one": "failed"}


def test_the_report_is_text_html_and_json():
    bad = Health("scores", "a", "m:a", "<b>", "1", "failed", "broken\n  here <i>")
    report = PluginReport([bad, Health("views", "b", "m:b", "pkg", "2", "ok", "", 0.1, True)])
    lines = repr(report).splitlines()
    assert len(lines) == 3
    assert "broken here <i>" in lines[1]
    assert "&lt;b&gt; 1" in report._repr_html_()
    assert "<i>" not in report._repr_html_()
    assert report.broken == (bad,)
    assert len(report[:1]) == 1
    assert report[0].to_json()["reason"] == bad.reason
    assert report.to_json()["api"] == API_VERSION
    assert repr(PluginReport([])) == "no plugins"


def test_own_parts_need_no_metadata(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert {each.version for each in own()} == {""}
    assert len(list(own())) == sum(map(len, OWN.values()))
