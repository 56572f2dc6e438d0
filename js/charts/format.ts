// Numbers as people read them: a true minus, a sign where the sign is the news, and as many
// digits as can be compared at a glance.

const MINUS = "−";

const withMinus = (text: string): string => text.replace("-", MINUS);

function digits(value: number): number {
  const size = Math.abs(value);
  if (size >= 100) return 0;
  if (size >= 10) return 1;
  return 2;
}

/** 3.34, −0.21, 12.3; values that round to nothing lose their sign. */
export function plain(value: number): string {
  if (!Number.isFinite(value))
    return Number.isNaN(value) ? "–" : withMinus(`${value > 0 ? "" : "-"}∞`);
  const text = value.toFixed(digits(value));
  return Number(text) === 0 ? text.replace("-", "") : withMinus(text);
}

/** +3.34, −0.21, 0.00. */
export function signed(value: number): string {
  const text = plain(value);
  return value > 0 && /[1-9∞]/.test(text) ? `+${text}` : text;
}

/** A metric in its own unit: probabilities as percentages, everything else signed. */
export function metric(value: number, unit: string): string {
  return unit === "probability" ? percent(value) : signed(value);
}

/** A difference of two metric values in that unit. */
export function change(value: number, unit: string): string {
  if (unit !== "probability") return signed(value);
  const text = signed(100 * value);
  return `${text} pp`;
}

export function percent(probability: number): string {
  const share = 100 * probability;
  if (!Number.isFinite(share)) return "–";
  if (share === 0) return "0%";
  if (share < 0.1) return "<0.1%";
  if (share < 9.95) return `${share.toFixed(1)}%`;
  return share < 100 && share >= 99.5 ? ">99%" : `${share.toFixed(0)}%`;
}

export const nats = (value: number): string =>
  value !== 0 && Math.abs(value) < 0.005 ? "<0.01 nats" : `${plain(value)} nats`;

export const milliseconds = (value: number): string =>
  value < 1
    ? "<1 ms"
    : value < 10_000
      ? `${value.toFixed(0)} ms`
      : `${(value / 1000).toFixed(1)} s`;

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
