// Dragging a row of a list by its handle: a line shows where it would go, letting go puts it there,
// Esc leaves everything as it was. In: rows and handles. Out: which row, and how many stand above.

/** The rows of a list that something can be dropped between. */
export interface DragList {
  /** Every row but those that are dragged, from top to bottom. */
  rows(dragged: HTMLElement): readonly HTMLElement[];
  drop(dragged: HTMLElement, above: number): void;
}

const MARK = "data-drop";

export function draggable(handle: HTMLElement, row: HTMLElement, list: DragList): void {
  let above = -1;
  const rows = (): readonly HTMLElement[] => list.rows(row);
  const clear = (): void => {
    for (const each of rows()) each.removeAttribute(MARK);
    row.removeAttribute("data-dragged");
  };
  const end = (): void => {
    clear();
    above = -1;
  };
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    handle.setPointerCapture(event.pointerId);
    above = -2;
  });
  handle.addEventListener("pointermove", ({ clientY }) => {
    if (above === -1) return;
    clear();
    const others = rows();
    above = others.filter((each) => {
      const { top, height } = each.getBoundingClientRect();
      return clientY > top + height / 2;
    }).length;
    row.setAttribute("data-dragged", "");
    const next = others[above];
    if (next) next.setAttribute(MARK, "before");
    else others.at(-1)?.setAttribute(MARK, "after");
  });
  handle.addEventListener("pointerup", () => {
    const place = above;
    end();
    if (place >= 0) list.drop(row, place);
  });
  handle.addEventListener("pointercancel", end);
  handle.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || above === -1) return;
    event.stopPropagation();
    end();
  });
}
