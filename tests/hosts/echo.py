"""A widget that sends bytes both ways over mechwidget's wire, and says on the page what came back.

Flows in: nothing. Flows out: `data-echo` is "the same bytes" once the page has sent two buffers,
and the kernel has sent them back, reversed, as a frame; `data-kind` is what the host hands over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from anywidget import AnyWidget

from mechwidget.wire import Channel
from mechwidget.wire.frames import encode

if TYPE_CHECKING:
    from mechwidget.wire import Arguments, Request

PAGE = """
const bytesOf = b => ArrayBuffer.isView(b)
  ? new Uint8Array(b.buffer, b.byteOffset, b.byteLength) : new Uint8Array(b);
function render({ model, el, signal }) {
  const said = document.createElement("output");
  said.dataset.echo = "waiting";
  said.textContent = "bytes both ways: waiting";
  el.append(said);
  const first = new Uint8Array(200).map((_, at) => (at * 7) % 251);
  const second = new Uint8Array(100).map((_, at) => 255 - at);
  const expected = [...first, ...second].reverse();
  const hear = (message, buffers) => {
    if (message?.id !== "echo" || message.ack) return;
    const floats = new Float32Array(bytesOf(buffers?.[0] ?? new ArrayBuffer(0)).slice().buffer);
    const same = floats.length === expected.length && floats.every((v, at) => v === expected[at]);
    said.dataset.echo = same ? "the same bytes" : `other bytes: ${JSON.stringify(message)}`;
    said.dataset.kind = Object.prototype.toString.call(buffers?.[0]).slice(8, -1);
    said.textContent = `bytes both ways: ${said.dataset.echo}, as ${said.dataset.kind}`;
  };
  model.on("msg:custom", hear);
  const ask = { v: 1, id: "echo", op: "echo", args: {} };
  model.send(ask, undefined, [first.buffer, second.buffer]);
  return () => model.off("msg:custom", hear);
}
export default { render };
"""


class Echo(AnyWidget):
    _esm = PAGE

    def __init__(self) -> None:
        super().__init__()
        self._channel = Channel(self.send)
        self._channel.on("echo", self._echo)
        self.on_msg(lambda _, content, buffers: self._channel.receive(content, buffers))

    def _echo(self, args: Arguments, request: Request) -> tuple[dict[str, Any], Any]:
        args.only()
        sent = np.frombuffer(b"".join(bytes(part) for part in request.buffers), np.uint8)
        return {"length": len(sent)}, encode(sent[::-1].astype(np.float32), "f32")
