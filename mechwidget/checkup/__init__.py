"""The check-up: what is installed, where it runs, what is wrong with it and how to mend that.

In: this environment, this process, this machine. Out: `doctor()`, a report.
"""

from __future__ import annotations

from mechwidget.checkup.finding import Finding
from mechwidget.checkup.report import CHECKS, Checkup, doctor

__all__ = ["CHECKS", "Checkup", "Finding", "doctor"]
