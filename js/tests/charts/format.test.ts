import { expect, it } from "vitest";
import {
  change,
  count,
  metric,
  milliseconds,
  nats,
  percent,
  plain,
  signed,
} from "../../charts/format";

it.each([
  [signed(3.344), "+3.34"],
  [signed(-0.2149), "−0.21"],
  [signed(-0.0004), "0.00"],
  [signed(0.0004), "0.00"],
  [signed(-123.4), "−123"],
  [plain(12.34), "12.3"],
  [plain(Number.NaN), "–"],
  [plain(Number.NEGATIVE_INFINITY), "−∞"],
  [percent(0.7), "70%"],
  [percent(0.0512), "5.1%"],
  [percent(0.0004), "<0.1%"],
  [percent(0), "0%"],
  [percent(1), "100%"],
  [percent(0.9991), ">99%"],
  [metric(-0.21, "logits"), "−0.21"],
  [metric(0.7, "probability"), "70%"],
  [change(-0.35, "probability"), "−35.0 pp"],
  [nats(0.0001), "<0.01 nats"],
  [nats(0), "0.00 nats"],
  [milliseconds(0.2), "<1 ms"],
  [milliseconds(41.4), "41 ms"],
  [milliseconds(12_300), "12.3 s"],
  [count(1, "layer"), "1 layer"],
  [count(5120, "head"), "5,120 heads"],
])("%s is written as %s", (written, expected) => {
  expect(written).toBe(expected);
});
