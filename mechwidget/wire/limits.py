"""How much may cross the wire, and how often.

Plain numbers, read by every other module of `wire` and mirrored in `js/wire/limits.ts` (a test
compares the two). They come from measurements: a message above 10 MiB from the browser closes the
websocket, more than 1000 messages a second are silently dropped, and a page message is refused here
long before either, because it can come from anybody who shares the kernel.
"""

from __future__ import annotations

PROTOCOL = 1
"""The version of the wire protocol: both sides refuse to talk to another one."""

MAX_CHUNK_BYTES = 1_000_000
"""The most binary data in one message to the page; larger answers go in several."""

MAX_ANSWER_BYTES = 64 * 2**20
"""The most binary data in one answer, all chunks together."""

MAX_INCOMING_BYTES = 1_000_000
"""The most that a message from a page may hold: text and buffers together."""

MAX_INCOMING_ITEMS = 20_000
"""The most values (of any kind, at any depth) in a message from a page."""

MAX_OUTGOING_ITEMS = 200_000
"""The same for an answer: arrays belong in frames, not in JSON."""

MAX_DEPTH = 16
"""How deeply lists and objects may be nested, in either direction."""

MAX_ID_CHARACTERS = 64
"""The longest request id."""

MAX_RANK = 4
"""The most axes of a frame."""

MAX_IN_FLIGHT = 256
"""Requests of one page that may be unanswered at a time."""

PROGRESS_SECONDS = 0.1
"""The least time between two progress messages of one request."""

MESSAGE_SECONDS = 1 / 30
"""The least time between two progress messages of one channel, whatever they are about."""
