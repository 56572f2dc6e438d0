// One row per token: its text, and two bars, the surprise without the edits and with them.

const element = (tag, name, ...children) => {
  const node = document.createElement(tag);
  node.className = name;
  node.append(...children);
  return node;
};

export default (el, context) => {
  const { session, store, signal } = context;
  const note = element("p", "note", "");
  const rows = element("div", "rows");
  el.append(note, rows);
  let shown = -1;
  let asked = -1;
  let numbers = null;
  let refused = "";

  async function ask(revision) {
    asked = revision;
    try {
      const { frames } = await session.ask("surprise");
      if (asked !== revision) return;
      [numbers, refused, shown] = [frames[0], "", revision];
    } catch (error) {
      if (signal.aborted) return;
      refused = error.message;
    }
    context.invalidate();
  }

  function row(token, at, n, most) {
    const bits = [0, 1].map((side) => numbers.values[side * n + at]);
    const known = Number.isFinite(bits[0]);
    const bars = bits.map((value, side) => {
      const bar = element("span", side ? "bar after" : "bar before");
      bar.style.width = known ? `${(100 * value) / most}%` : "0";
      return bar;
    });
    const said = known ? `${bits[0].toFixed(2)} → ${bits[1].toFixed(2)} bits` : "–";
    const text = element("bdi", "text", token.text.replace(/ /g, "·"));
    const button = element("button", "row", text);
    button.append(element("span", "bars", ...bars), element("span", "said", said));
    button.type = "button";
    button.dataset.testid = `surprise-${at}`;
    button.addEventListener("pointerenter", () => store.hover(null, at));
    button.addEventListener("pointerleave", () => store.hover(null));
    button.addEventListener("click", () => store.set({ token: at }));
    return button;
  }

  let drawn = "";
  return {
    draw({ state, page }) {
      if (!state) return;
      if (asked !== state.revision) ask(state.revision);
      const n = state.tokens.length;
      el.toggleAttribute("data-waiting", shown !== state.revision && refused === "");
      note.textContent = refused || "Bits of surprise at each token: without the edits → with them.";
      if (!numbers || numbers.shape[1] !== n) return;
      // Made anew only for other numbers: a row that is replaced under the pointer hears no click.
      const key = `${shown} ${state.prompt}`;
      if (key !== drawn) {
        drawn = key;
        const most = Math.max(1, ...numbers.values.filter(Number.isFinite));
        rows.replaceChildren(...state.tokens.map((token, at) => row(token, at, n, most)));
      }
      [...rows.children].forEach((each, at) => {
        each.setAttribute("aria-pressed", String(page.token === at));
        each.toggleAttribute("data-hover", page.hover.token === at);
      });
    },
  };
};
