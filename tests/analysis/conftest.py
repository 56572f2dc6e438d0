"""The first tensor of a process takes long, which says nothing about the law that is tested."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("mechwidget", deadline=None)
settings.load_profile("mechwidget")
