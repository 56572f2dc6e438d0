// Which session a command or the status bar is about. In: the kernels, and what is in front. Out: the
// newest session of the kernel of that notebook or recipe, else the only session there is.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { KernelAnswer, SessionAnswer } from "./answers";

export interface InKernel {
  readonly kernel: KernelAnswer;
  readonly session: SessionAnswer;
}

/** The path of what is in front, as the server has it: without the name of a drive. */
export function pathInFront({ shell }: Pick<JupyterFrontEnd, "shell">): string | null {
  const document = shell.currentWidget as { context?: { path?: string } } | null;
  return document?.context?.path?.replace(/^[^/:]+:/, "") ?? null;
}

export function currentSession(
  kernels: readonly KernelAnswer[] | null,
  path: string | null,
): InKernel | null {
  const all = (kernels ?? []).flatMap((kernel) =>
    kernel.sessions.map((session) => ({ kernel, session })),
  );
  const here = all.filter(({ kernel }) => path !== null && kernel.path === path);
  return here.at(-1) ?? (all.length === 1 ? (all[0] ?? null) : null);
}
