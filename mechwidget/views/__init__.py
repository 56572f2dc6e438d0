"""The views: widgets that show one aspect of a session and hand its clicks back to it.

In flow sessions; out flow widgets that a notebook displays. Views only draw: what they show is
the session's, and what they change they change through the session.
"""

from __future__ import annotations

from mechwidget.views.exploring import explore
from mechwidget.views.workbench import Workbench

__all__ = ["Workbench", "explore"]
