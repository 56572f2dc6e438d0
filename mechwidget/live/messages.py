"""The names on which a kernel and a server agree.

A server first asks the standard question which comms there are under `TARGET`; every kernel of
every language can answer that, and only one in which a session was opened has ours. Only then does
it send a `REQUEST`, which another kernel would log as an unknown message.
"""

from __future__ import annotations

PROTOCOL = 1
TARGET = "mechwidget.live"
COMM_ID = TARGET
"""Always the same, so that word of changes can be subscribed to by its topic, unseen."""

TOPIC = f"comm-{COMM_ID}".encode()
REQUEST = "mechwidget_request"
REPLY = "mechwidget_reply"
