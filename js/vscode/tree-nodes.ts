// The tree of sessions, as plain nodes: what each says, and what can be done with it. In: kernels with
// their sessions. Out: nodes that `session-tree.ts` hands to VS Code; all text is plain text.

import type { InterventionSummary, KernelSessions, SessionSummary } from "./session-summary";

/** Whom to ask for a change: the server, or the notebook with this address. */
export type Source = { kind: "server" } | { kind: "notebook"; uri: string };

export interface Place {
  source: Source;
  kernel: string;
  session: SessionSummary;
}

export interface TreeNode {
  /** The same for the same thing, so that what is unfolded stays unfolded. */
  id: string;
  label: string;
  description: string;
  tooltip: string;
  icon: string;
  /** What menus ask about: "session undo redo", "intervention" … */
  context: string;
  children: TreeNode[];
  place?: Place;
  /** Of an intervention: it has a checkbox. */
  intervention?: InterventionSummary;
}

const WHY: Record<string, string> = {
  no_sessions: "no session is open",
  busy: "busy: it did not answer in time",
  no_answer: "it does not answer",
  unreachable: "it cannot be asked",
  other_version: "another version of mechwidget",
};

export function kernelNodes(kernels: readonly KernelSessions[], source: Source): TreeNode[] {
  return kernels.map((kernel) => {
    const name = kernel.path.split("/").at(-1) || kernel.name || "a kernel";
    const why = WHY[kernel.state] ?? "";
    return {
      id: `${source.kind} ${kernel.id}`,
      label: name,
      description: why || counted(kernel.sessions.length, "session"),
      tooltip: [kernel.path, kernel.name, kernel.id].filter(Boolean).join("\n"),
      icon: kernel.state === "answered" ? "server-process" : "circle-slash",
      context: "kernel",
      children: kernel.sessions.map((session) =>
        sessionNode({ source, kernel: kernel.id, session }),
      ),
    };
  });
}

function sessionNode(place: Place): TreeNode {
  const { kernel, session } = place;
  const id = `${kernel} ${session.id}`;
  const left = session.total - session.interventions.length;
  const listed = session.interventions.map((each) => interventionNode(each, id, place));
  const can = [session.undo && "undo", session.redo && "redo"].filter(Boolean);
  return {
    id,
    label: session.model || session.id,
    description: metricWords(session) || session.prompt,
    tooltip: tooltipOf(session),
    icon: session.error ? "warning" : "beaker",
    context: ["session", ...can].join(" "),
    children: left > 0 ? [...listed, moreNode(id, left)] : listed,
    place,
  };
}

function interventionNode(each: InterventionSummary, of: string, place: Place): TreeNode {
  return {
    id: `${of} ${each.id}`,
    label: each.name || each.sentence,
    description: each.name ? each.sentence : "",
    tooltip: each.sentence,
    icon: "",
    context: "intervention",
    children: [],
    place,
    intervention: each,
  };
}

const moreNode = (of: string, left: number): TreeNode => ({
  id: `${of} more`,
  label: `and ${left} more`,
  description: "",
  tooltip: "They are in the workbench.",
  icon: "",
  context: "more",
  children: [],
});

function metricWords({ metric }: SessionSummary): string {
  if (!metric || metric.after === null) return "";
  const unit = metric.unit ? ` ${metric.unit}` : "";
  const before = metric.before === null ? "" : `${printed(metric.before)} → `;
  return `${before}${printed(metric.after)}${unit}`;
}

function tooltipOf(session: SessionSummary): string {
  const { model, device, prompt, metric, error, undo, redo } = session;
  return [
    [model, device].filter(Boolean).join(" on "),
    prompt,
    metric?.label,
    error && `Error: ${error}`,
    undo && `Undo: ${undo}`,
    redo && `Redo: ${redo}`,
  ]
    .filter(Boolean)
    .join("\n");
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** With a true minus, as everywhere else. */
const printed = (value: number): string =>
  value.toFixed(Math.abs(value) >= 10 ? 1 : 2).replace("-", "\u2212");
