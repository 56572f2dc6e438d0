// The notebook that a new workbench begins with. In: a model, the Python that loads it, a prompt. Out:
// cells. What comes from outside enters Python as a literal, never as code, but for the server's own
// snippet.

export interface Start {
  readonly model: string;
  /** Python that loads it, of the server; without it, `mw.load`. */
  readonly code: string | null;
  readonly prompt: string;
}

/** A text as a Python literal: as JSON writes it, with what Python or IPython may take for a line end. */
export function pythonText(text: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, escaped);
}

/** The sources of the cells. */
export function cells({ model, code, prompt }: Start): string[] {
  const load = code?.includes("model =") ? code : `model = mw.load(${pythonText(model)})`;
  const imports = load.includes("import mechwidget as mw") ? "" : "import mechwidget as mw\n\n";
  return [
    `${imports}${load}`,
    `session = mw.Session(model, ${pythonText(prompt)})\nworkbench = mw.Workbench(session)\nworkbench`,
    'session.save("experiment.mech.json")',
  ];
}

/** The notebook, in the format of notebooks. */
export function notebook(sources: readonly string[], kernel: string): Record<string, unknown> {
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: kernel, display_name: kernel } },
    cells: sources.map((source, index) => ({
      cell_type: "code",
      id: `mechwidget-${index}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    })),
  };
}
