// Binary data as the hosts hand it over (DataView in JupyterLab, VS Code and marimo, Uint8Array in
// Colab, now and then a bare ArrayBuffer), made into the one form that the rest of the page knows.

/** The bytes behind any of the hosts' buffers, without copying; null for anything else. */
export function toBytes(buffer: unknown): Uint8Array | null {
  if (ArrayBuffer.isView(buffer)) {
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }
  // Not `instanceof`: a buffer from another frame (Colab, VS Code) has another constructor.
  if (Object.prototype.toString.call(buffer) === "[object ArrayBuffer]") {
    return new Uint8Array(buffer as ArrayBuffer);
  }
  return null;
}

/** All buffers of a message; null as soon as one of them is not binary data. */
export function allBytes(buffers: unknown): Uint8Array[] | null {
  if (buffers === undefined || buffers === null) return [];
  if (!Array.isArray(buffers)) return null;
  const all = buffers.map(toBytes);
  return all.every((bytes) => bytes !== null) ? (all as Uint8Array[]) : null;
}
