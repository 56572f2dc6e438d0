"""What crosses between a page and its kernel: envelopes, binary frames, limits.

Knows nothing of models, sessions or widgets: a `Channel` turns messages into calls of handlers, and
`encode` turns arrays into frames.
"""

from mechwidget.wire.arguments import Arguments
from mechwidget.wire.channel import Channel, Deferred
from mechwidget.wire.frames import Frame, decode, encode
from mechwidget.wire.limits import PROTOCOL
from mechwidget.wire.request import Request

__all__ = [
    "PROTOCOL",
    "Arguments",
    "Channel",
    "Deferred",
    "Frame",
    "Request",
    "decode",
    "encode",
]
