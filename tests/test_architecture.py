"""The shape of the repository, held by the imports themselves.

Arrows point one way; files stay short; names say what is inside. What is read here is the syntax
tree of every module (Python) and the import lines of every module (TypeScript).
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_LINES = 400

# What each package may import of ours (errors may be imported by all). The order of DESIGN.md.
PYTHON_LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "plugin_api": set(),
    "live": set(),
    "microcosm": {"models", "interventions", "analysis"},
    "models": {"microcosm", "plugin_api"},
    "dictionaries": {"models", "plugin_api"},
    "interventions": {"models", "dictionaries", "plugin_api"},
    "analysis": {"models", "dictionaries", "interventions", "plugin_api"},
    "as_code": {"microcosm", "models", "dictionaries", "interventions", "analysis", "plugin_api"},
    "still": set(),
    "recipes": {"interventions", "plugin_api", "still"},
    "session": {"live", "models", "interventions", "analysis", "as_code", "recipes"},
    "wire": {"plugin_api"},
    "views": {
        *("models", "interventions", "analysis", "as_code", "session", "wire", "still"),
        *("plugin_api", "recipes"),
    },
    "server": {"live", "recipes", "microcosm"},
    "demo": set(),
    "checkup": {"plugin_api", "microcosm", "views"},
    "cli": {"demo", "plugin_api", "checkup", "recipes", "models", "interventions", "analysis"},
    "__main__": {"cli"},
}
HEAVY = {"torch", "transformers", "safetensors", "tokenizers"}
MAY_BE_HEAVY = {
    "models",
    "dictionaries",
    "interventions",
    "analysis",
    "as_code",
    "session",
    "microcosm",
}
NOTEBOOK = {"anywidget", "ipywidgets", "IPython", "jupyterlab", "jupyter_server"}

MODEL_EVENTS = "host/model-events"  # how a host reports a trait; a leaf that wire stands on too
JS_LAYERS: dict[str, set[str]] = {
    "types": set(),
    "style": set(),
    MODEL_EVENTS: set(),
    "wire": {"types", MODEL_EVENTS},
    "store": {"types", "wire"},
    "host": {"types", "wire", "store", MODEL_EVENTS},
    "charts": {"types"},
    "pictures": set(),
    "views": {"types", "charts", "pictures", "store", "wire", "host"},
    "lab": {"types", "charts", "host", "views", "style"},
    "index": {"types", "views", "store", "wire", "host", "style"},
    "vscode": {"types", "wire", "index"},
}
VAGUE = re.compile(r"^_?(utils?|helpers?|manager|misc|common|base)$")

PUBLIC = ROOT / "mechwidget" / "__init__.py"
# The contracts of plugins speak of types of the layers above, and import none when they are loaded.
CONTRACTS = ROOT / "mechwidget" / "plugin_api" / "protocols.py"
PYTHON_FILES = sorted((ROOT / "mechwidget").rglob("*.py"))
JS_FILES = sorted(p for p in (ROOT / "js").rglob("*.ts") if "node_modules" not in p.parts)
JS_SOURCES = [path for path in JS_FILES if "tests" not in path.relative_to(ROOT).parts]
CODE = [*PYTHON_FILES, *JS_FILES, *sorted((ROOT / "tests").rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[1]


def is_type_checking(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path: Path, *, at_import_time: bool) -> set[str]:
    """Absolute names that a module imports; at import time, functions and types do not count."""
    package = module_name(path).split(".")
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if at_import_time and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if at_import_time and isinstance(node, ast.If) and is_type_checking(node):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = len(package) - node.level + (path.name == "__init__.py")
            home = ".".join(
                [*package[:up], node.module or ""] if node.level else [node.module or ""]
            )
            found.update(f"{home.rstrip('.')}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found


def our_layers(names: set[str]) -> set[str]:
    return {
        name.split(".")[1]
        for name in names
        if name.startswith("mechwidget.") and name.split(".")[1] in PYTHON_LAYERS
    }


# The root holds the public names, resolved on first use, and so may name every layer.
@pytest.mark.parametrize("path", [p for p in PYTHON_FILES if p != PUBLIC], ids=module_name)
def test_arrows_point_down(path: Path) -> None:
    home = layer(path)
    assert home in PYTHON_LAYERS, f"{home} has no place in the order; give it one here"
    used = our_layers(imports(path, at_import_time=path == CONTRACTS)) - {home, "errors"}
    assert used <= PYTHON_LAYERS[home], f"{module_name(path)} imports {used - PYTHON_LAYERS[home]}"


@pytest.mark.parametrize("path", PYTHON_FILES, ids=module_name)
def test_libraries_stay_in_their_layer(path: Path) -> None:
    """models … session know no notebook; wire and views get numbers, not tensors."""
    used = {name.split(".")[0] for name in imports(path, at_import_time=False)}
    home = layer(path)
    if home not in {"views", "server"}:
        assert not used & NOTEBOOK
    if home not in MAY_BE_HEAVY:
        assert not {n.split(".")[0] for n in imports(path, at_import_time=True)} & HEAVY


def test_no_import_cycles() -> None:
    """Among the modules of one package too, counting what is imported when a module is loaded."""
    modules = {module_name(path): path for path in PYTHON_FILES}

    def targets(name: str) -> set[str]:
        path = modules[name]
        wanted = imports(path, at_import_time=True)
        hits = {w if w in modules else w.rpartition(".")[0] for w in wanted}
        # A module may import its siblings while its package's __init__ is being loaded.
        return {hit for hit in hits if hit in modules and not f"{name}.".startswith(f"{hit}.")}

    tuple(TopologicalSorter({name: targets(name) for name in modules}).static_order())


def js_layer(path: Path) -> str:
    name = path.relative_to(ROOT / "js").with_suffix("")
    return MODEL_EVENTS if str(name) == MODEL_EVENTS else name.parts[0]


def js_imports(path: Path) -> set[str]:
    """The layers of js/ that a module imports; types leave nothing at run time."""
    text = re.sub(r"import type \{[^}]*\} from \S+;", "", path.read_text())
    wanted = re.findall(r"""(?:from|import)\s*\(?["'](\.[^"']+)["']""", text)
    targets = [(path.parent / name).resolve() for name in wanted]
    return {js_layer(target) for target in targets if target.is_relative_to(ROOT / "js")}


@pytest.mark.parametrize("path", JS_SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_js_arrows_point_down(path: Path) -> None:
    home = js_layer(path)
    assert home in JS_LAYERS, f"js/{home} has no place in the order; give it one here"
    assert js_imports(path) - {home} <= JS_LAYERS[home]


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short_and_named(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES
    assert not VAGUE.match(path.stem), f"{path.name} does not say what is inside"


@pytest.mark.parametrize("path", PYTHON_FILES, ids=module_name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


LIGHT = """
import sys
import mechwidget
import mechwidget.server.app
from mechwidget import Ablate, Head, MechwidgetError
from mechwidget import interventions, live, recipes, wire
recipes.validate(recipes.migrate({"format": recipes.FORMAT, "version": recipes.VERSION}))
Ablate(Head(1, 2)).to_json()
print([name for name in ("torch", "transformers") if name in sys.modules])
"""


def test_import_costs_neither_torch_nor_transformers() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


NO_EXTERNAL = re.compile(r"https?://(?!www\.w3\.org/)")


@pytest.mark.parametrize("path", JS_SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_page_knows_no_address(path: Path) -> None:
    """Nothing in the bundle can be fetched from somewhere at run time."""
    assert not NO_EXTERNAL.search(path.read_text())
