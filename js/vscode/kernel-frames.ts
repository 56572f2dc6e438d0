// Messages of a kernel on Jupyter's websocket, in its default dialect: JSON as text, and with buffers a
// binary frame (count, offsets, JSON, buffers; big-endian). In and out: messages and frames.

export interface KernelMessage {
  channel: string;
  header: { msg_id: string; msg_type: string; [more: string]: unknown };
  parent_header: { msg_id?: string; [more: string]: unknown };
  metadata: Record<string, unknown>;
  content: Record<string, unknown>;
  buffers: Uint8Array[];
}

const WORD = 4;

export function packed(message: KernelMessage): string | Uint8Array {
  const { buffers, ...rest } = message;
  if (buffers.length === 0) return JSON.stringify(rest);
  const parts = [new TextEncoder().encode(JSON.stringify(rest)), ...buffers];
  const head = WORD * (1 + parts.length);
  const size = parts.reduce((sum, part) => sum + part.byteLength, head);
  const frame = new Uint8Array(size);
  const view = new DataView(frame.buffer);
  view.setUint32(0, parts.length);
  let at = head;
  parts.forEach((part, nth) => {
    view.setUint32(WORD * (1 + nth), at);
    frame.set(part, at);
    at += part.byteLength;
  });
  return frame;
}

/** Null where it is no message. */
export function unpacked(frame: string | ArrayBuffer): KernelMessage | null {
  try {
    if (typeof frame === "string") return complete(JSON.parse(frame), []);
    const parts = partsOf(new DataView(frame));
    const json = new TextDecoder().decode(parts[0]);
    return complete(JSON.parse(json), parts.slice(1));
  } catch {
    return null;
  }
}

function partsOf(view: DataView): Uint8Array[] {
  const count = view.getUint32(0);
  const offsets = Array.from({ length: count }, (_, nth) => view.getUint32(WORD * (1 + nth)));
  return offsets.map((from, nth) => {
    const to = offsets[nth + 1] ?? view.byteLength;
    return new Uint8Array(view.buffer, view.byteOffset + from, to - from);
  });
}

function complete(value: Partial<KernelMessage>, buffers: Uint8Array[]): KernelMessage | null {
  const { header } = value;
  if (typeof header?.msg_type !== "string" || typeof header.msg_id !== "string") return null;
  return {
    channel: value.channel ?? "",
    header,
    parent_header: value.parent_header ?? {},
    metadata: value.metadata ?? {},
    content: value.content ?? {},
    buffers,
  };
}
