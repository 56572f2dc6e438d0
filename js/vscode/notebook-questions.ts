// Questions to the kernel of an open notebook, by way of the Jupyter extension, which only runs code:
// the same question as a server's, answered as an output of a MIME type of our own. In: outputs. Out:
// sessions, or the kernel's refusal. A kernel that has not imported mechwidget is left as it is.

import { listOf, objectOf, textOf } from "./json";
import { type KernelSessions, readSession } from "./session-summary";

export const ANSWER = "application/vnd.mechwidget.answer+json";

/** The part of the Jupyter extension's API (ms-toolsai.jupyter) that is used. */
export interface JupyterApi {
  kernels: {
    getKernel(uri: unknown): Thenable<JupyterKernel | undefined>;
  };
}
export interface JupyterKernel {
  readonly language: string;
  executeCode(code: string, token: unknown): AsyncIterable<JupyterOutput>;
}
export interface JupyterOutput {
  items: readonly { mime: string; data: Uint8Array }[];
}
interface Thenable<T> {
  then<R>(done: (value: T) => R, failed?: (error: unknown) => R): Thenable<R>;
}

/** The code that asks; `question` is what a server would send on the control channel. */
export const asking = (question: object): string => `
import sys as _sys
if "mechwidget" in _sys.modules:
    import json as _json
    from IPython.display import display as _display
    from mechwidget.live.answering import answer as _answer
    _question = _json.loads(${JSON.stringify(JSON.stringify(question))})
    _display({${JSON.stringify(ANSWER)}: _answer(_question)}, raw=True)
`;

/** What the kernel answered; null where it has no mechwidget. Throws its refusal. */
export async function answered(
  kernel: JupyterKernel,
  question: object,
  token: unknown,
): Promise<Record<string, unknown> | null> {
  for await (const { items } of kernel.executeCode(asking(question), token)) {
    for (const { mime, data } of items) {
      if (mime === ANSWER) return checked(JSON.parse(new TextDecoder().decode(data)));
    }
  }
  return null;
}

function checked(value: unknown): Record<string, unknown> {
  const answer = objectOf(value);
  if (answer.status === "ok") return answer;
  const { message, hint } = objectOf(answer.error);
  throw new Error(`${textOf(message) || "The kernel refused."} ${textOf(hint)}`.trim());
}

/** The notebook as one of the kernels of the tree. */
export function kernelOf(path: string, answer: Record<string, unknown> | null): KernelSessions {
  const sessions = listOf(answer?.sessions).map(readSession);
  return { id: path, name: "", path, state: answer ? "answered" : "no_sessions", sessions };
}
