// The line above the workbench in the editor: what is shown, and what can be done about it.

import type { FromPage } from "./page-messages";

type Command = Extract<FromPage, { kind: "command" }>["name"];
export type Mode = "saved" | "connecting" | "live" | "gone" | "broken";

const TITLES: Record<Command, string> = {
  connect: "Run in a kernel",
  disconnect: "Stop the kernel",
  keep: "Write into the recipe",
  openNotebook: "Open in a notebook",
  showText: "Show as JSON",
};
const OFFERED: Record<Mode, readonly Command[]> = {
  saved: ["connect", "openNotebook", "showText"],
  connecting: ["disconnect"],
  live: ["keep", "disconnect", "showText"],
  gone: ["connect", "openNotebook", "showText"],
  broken: ["showText"],
};

export class EditorBar {
  readonly el = document.createElement("header");
  readonly #dot = document.createElement("span");
  readonly #said = document.createElement("span");
  readonly #offered = document.createElement("span");
  readonly #run: (name: Command) => void;

  constructor(run: (name: Command) => void) {
    this.#run = run;
    this.el.className = "mwx-bar";
    this.#dot.className = "mwx-dot";
    this.#dot.setAttribute("aria-hidden", "true");
    this.#said.className = "mwx-said";
    this.#said.setAttribute("role", "status");
    this.#offered.className = "mwx-offered";
    this.el.append(this.#dot, this.#said, this.#offered);
  }

  show(mode: Mode, said: string): void {
    this.el.dataset.mode = mode;
    this.#said.textContent = said;
    this.#offered.replaceChildren(
      ...OFFERED[mode].map((name, at) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = TITLES[name];
        button.dataset.command = name;
        button.classList.toggle("mwx-first", at === 0 && mode !== "broken");
        button.addEventListener("click", () => this.#run(name));
        return button;
      }),
    );
  }
}
