// From text to a vector, for one token: where it stands, its bytes, its id, its vectors as strips, and
// the tokens whose vectors are nearest. In: a token and what is known of it. Out: elements.

import { ActivationStrip } from "../charts/activation-strip";
import type { Theme } from "../charts/colour";
import { element, keyed, setText } from "../charts/dom";
import { plain } from "../charts/format";
import { short, visible } from "../charts/token-text";
import type { SessionState, TokenJson } from "../types";
import type { EmbeddedToken, EmbeddingParts, NearToken } from "../wire/embedding";
import { bytesOf } from "./embedding-words";

const AROUND = 3; // tokens at either side
const SIDE = 96; // pixels of a strip's name

export interface TokenScene {
  readonly state: SessionState;
  readonly theme: Theme;
  readonly position: number;
  readonly parts: EmbeddingParts;
  /** Of this token; of the last one while newer is on its way. */
  readonly told: EmbeddedToken | null;
  readonly refusal: string;
}

export class TokenSteps {
  readonly el = element("div", { class: "mw-steps mw-dims", "data-testid": "mw-embedding-token" });
  readonly #context = element("bdi", { class: "mw-steps-text" });
  readonly #bytes = element("code");
  readonly #id = element("span");
  readonly #strips = element("div", { class: "mw-steps-strips" });
  readonly #near = element("div", { class: "mw-steps-near" });
  readonly #note = element("p", { class: "mw-muted mw-steps-note" });
  readonly #rebuildContext = keyed(this.#context);
  readonly #rebuildStrips = keyed(this.#strips);
  readonly #rebuildNear = keyed(this.#near);
  #rows: ActivationStrip[] = [];
  #room = 420;

  constructor() {
    const steps = element("dl", { class: "mw-steps-list" });
    const step = (name: string, value: HTMLElement): void => {
      steps.append(element("dt", {}, name), element("dd", {}, value));
    };
    step("text", this.#context);
    step("bytes", this.#bytes);
    step("id", this.#id);
    this.el.append(steps, this.#strips, this.#near, this.#note);
  }

  draw(scene: TokenScene): void {
    const { state, position, told, refusal } = scene;
    const token = state.tokens[position];
    if (!token) return;
    this.#rebuildContext(contextKey(state, position), () => context(state.tokens, position));
    setText(this.#bytes, bytesOf(token));
    setText(this.#id, `${token.id.toLocaleString("en")} · position ${position}`);
    setText(this.#note, refusal || told?.reason || "");
    this.#strips.hidden = this.#near.hidden = told === null;
    if (told) this.#drawTold(scene, told);
  }

  #drawTold({ theme, parts }: TokenScene, told: EmbeddedToken): void {
    const names = stripNames(parts);
    this.#rebuildStrips(names.join("\n"), () => {
      this.#rows = names.map(() => new ActivationStrip());
      return names.map((name, at) =>
        element(
          "div",
          { class: "mw-steps-strip" },
          element("span", { class: "mw-muted", title: name }, name),
          this.#rows[at]?.el as HTMLElement,
        ),
      );
    });
    const rows = names.map((_, at) =>
      at < (told.strips.shape[0] ?? 0) ? told.strips.row(at) : told.stream.row(0),
    );
    const max = Math.max(
      ...rows.flatMap((row) => Array.from(row, Math.abs)).filter(Number.isFinite),
      0,
    );
    if (this.#strips.clientWidth > 0) this.#room = this.#strips.clientWidth;
    rows.forEach((before, at) => {
      const scene = { before, after: null, max, theme, lit: null, looked: null };
      const stamp = `${told.position} ${at} ${max} ${before[0]} ${before.at(-1)}`;
      this.#rows[at]?.draw({ ...scene, width: Math.max(60, this.#room - SIDE) }, stamp);
    });
    const sums = parts.parts.length > 1;
    const { token, sum } = told.nearest;
    const key = JSON.stringify([told.position, token, sums ? sum : []]);
    this.#rebuildNear(key, () => [
      ...(token.length > 0 ? [nearList("nearest to the token", token)] : []),
      ...(sum.length > 0 && (sums || token.length === 0)
        ? [nearList("nearest to the sum", sum)]
        : []),
    ]);
  }
}

function stripNames({ parts, steps, width }: EmbeddingParts): string[] {
  const kinds = parts.map(({ kind }) => kind as string);
  const sum = kinds.length > 1 ? ["= sum"] : [];
  const named = [...kinds.map((kind, at) => (at > 0 ? `+ ${kind}` : kind)), ...sum];
  if (kinds.length === 1) named.push("= sum");
  const last = steps.length > 0 ? ["→ residual"] : [];
  return [...named, ...last].map((name, at) => (at === 0 ? `${name} · ${width}` : name));
}

function nearList(title: string, near: readonly NearToken[]): HTMLElement {
  const rows = near.map(({ text, cosine, id }) =>
    element(
      "li",
      { title: `${visible(text)}, id ${id}` },
      element("bdi", {}, short(text, 18)),
      element("span", {}, plain(cosine)),
    ),
  );
  const name = element("h4", {}, title);
  const list = element("ol", { class: "mw-neuron-told" }, ...rows);
  return element("div", { class: "mw-neuron-column" }, name, list);
}

const contextKey = ({ tokens }: SessionState, position: number): string =>
  `${position} ${tokens.map(({ id }) => id).join()}`;

function context(tokens: readonly TokenJson[], position: number): (Node | string)[] {
  const part = (from: number, to: number): string =>
    tokens
      .slice(Math.max(0, from), to)
      .map(({ text }) => short(text, 12).replace(/^·/, " "))
      .join("");
  const before = `${position > AROUND ? "…" : ""}${part(position - AROUND, position)}`;
  const after = `${part(position + 1, position + 1 + AROUND)}${position + AROUND < tokens.length - 1 ? "…" : ""}`;
  const own = element("mark", {}, short(tokens[position]?.text ?? "", 24));
  return [
    element("span", { class: "mw-muted" }, before),
    own,
    element("span", { class: "mw-muted" }, after),
  ];
}
