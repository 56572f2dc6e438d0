"""The widget of the installed wheel, drawn by a browser, in an environment without the source."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import SETUP, SHOW
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook
    from tests.browser.lab_server import LabServer
    from tests.packaging.wheel import WheelEnvironment

pytestmark = [pytest.mark.browser, pytest.mark.packaging]

KERNEL = "wheel"


@pytest.fixture
def wheel_kernel(server: LabServer, wheel_environment: WheelEnvironment) -> str:
    """A kernel of the environment that has the wheel, with no Node in reach."""
    folder = server.folder / "data" / "kernels" / KERNEL
    folder.mkdir(parents=True)
    argv = [str(wheel_environment.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": KERNEL, "language": "python", "env": {"PATH": "/nowhere"}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    return KERNEL


def test_the_wheel_renders(
    open_notebook: OpenNotebook, wheel_kernel: str, wheel_environment: WheelEnvironment
) -> None:
    notebook = open_notebook("import os; os.chdir('/')", SETUP, SHOW, kernel=wheel_kernel, new=True)
    for index in range(3):
        notebook.run_cell(index)
    workbench = WorkbenchPage(notebook, 2)
    workbench.settle()
    assert notebook.python("mw.__file__").startswith(str(wheel_environment.site_packages))
    workbench.click(0, 0)
    assert workbench.interventions() == ["Zero head 0.0"]
