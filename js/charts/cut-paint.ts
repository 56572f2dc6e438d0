// The marks of attention edges that are cut, painted over a matrix: a cross in the entry, a line
// through the row of a query that writes nothing. What is switched off is drawn faintly.

export interface Cut {
  /** The entry, by row and column of what is on show; no column is all of the row. */
  row: number;
  column: number | null;
  /** How far a line through the row goes, in entries. */
  length: number;
  on: boolean;
}

/** Smaller entries are marked beyond their own size, so that the mark can be seen. */
const LEAST = 6;

export function paintCuts(
  context: CanvasRenderingContext2D,
  cuts: readonly Cut[],
  size: number,
  tone: string,
): void {
  if (cuts.length === 0) return;
  context.save();
  context.strokeStyle = tone;
  context.lineWidth = Math.max(1.5, Math.min(2.5, size / 8));
  context.lineCap = "round";
  for (const cut of cuts) {
    context.globalAlpha = cut.on ? 1 : 0.35;
    context.beginPath();
    if (cut.column === null) strikeRow(context, cut, size);
    else cross(context, (cut.column + 0.5) * size, (cut.row + 0.5) * size, Math.max(LEAST, size));
    context.stroke();
  }
  context.restore();
}

function strikeRow(context: CanvasRenderingContext2D, { row, length }: Cut, size: number): void {
  const y = (row + 0.5) * size;
  context.moveTo(2, y);
  context.lineTo(Math.max(4, length * size - 2), y);
}

function cross(context: CanvasRenderingContext2D, x: number, y: number, side: number): void {
  const arm = 0.28 * side;
  context.moveTo(x - arm, y - arm);
  context.lineTo(x + arm, y + arm);
  context.moveTo(x + arm, y - arm);
  context.lineTo(x - arm, y + arm);
}
