// Word of changes, for as long as somebody listens: the server's events, again and again when the
// connection breaks. In: a way to open the stream. Out: one call for every change of a session.

import { createParser } from "eventsource-parser";

const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 60_000;
const OF_SESSIONS = new Set(["sessions", "kernel", "reset"]);

type Opening = (signal: AbortSignal, last: string) => Promise<ReadableStream<Uint8Array>>;

/** Resolves once `signal` is aborted; `lost` is told why a connection ended. */
export async function followChanges(
  open: Opening,
  changed: () => void,
  lost: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  let [last, wait] = ["", FIRST_WAIT_MS];
  while (!signal.aborted) {
    try {
      const parser = createParser({
        onEvent: ({ event = "", id }) => {
          last = id ?? last;
          if (OF_SESSIONS.has(event)) changed();
        },
      });
      const stream = await open(signal, last);
      changed(); // what happened before it was open
      await feed(stream, (text) => {
        wait = FIRST_WAIT_MS; // a connection that says nothing is no better than none
        parser.feed(text);
      });
    } catch (error) {
      if (!signal.aborted) lost(error);
    }
    await pause(wait, signal);
    wait = Math.min(2 * wait, MOST_WAIT_MS);
  }
}

async function feed(stream: ReadableStream<Uint8Array>, take: (text: string) => void) {
  const [reader, decoder] = [stream.getReader(), new TextDecoder()];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    take(decoder.decode(value, { stream: true }));
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    const stop = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
