// Pictures out: colours and gradients as SVG has them, text that is text whatever it holds, and the
// table that a spreadsheet takes.

import { expect, it } from "vitest";
import { colourOf, fill, gradients, stroke } from "../../pictures/paint";
import { composeSvg } from "../../pictures/picture";
import { fileName, tabSeparated } from "../../pictures/save";
import { node, Sheet, xmlText } from "../../pictures/svg";

it("reads computed colours", () => {
  expect(colourOf("rgb(255, 0, 16)")).toEqual({ hex: "#ff0010", opacity: 1 });
  expect(colourOf("rgba(0, 0, 0, 0)")).toBeNull();
  expect(colourOf("color(srgb 1 0.5 0 / 0.85)")).toEqual({ hex: "#ff8000", opacity: 0.85 });
  expect(colourOf("none")).toBeNull();
  expect(fill("rgba(1, 2, 3, 0.5)")).toEqual({ fill: "#010203", "fill-opacity": 0.5 });
  expect(stroke("rgb(0, 0, 0)", 0)).toEqual({});
});

it("draws gradients along their line, with stops in pixels and in shares", () => {
  const sheet = new Sheet(0, 0);
  const box = { x: 10, y: 20, width: 100, height: 100 };
  const image =
    "linear-gradient(to right, rgb(0, 0, 255), rgb(255, 255, 255), rgb(255, 0, 0)), " +
    "linear-gradient(to top right, rgba(0, 0, 0, 0) calc(50% - 1px), rgb(200, 50, 10) calc(50% - 1px) calc(50% + 1px), rgba(0, 0, 0, 0) calc(50% + 1px))";
  expect(gradients(image, box, sheet)).toEqual(["url(#d1)", "url(#d2)"]);
  const [along, across] = Array.from(sheet.defs.children);
  expect(["x1", "y1", "x2", "y2"].map((name) => along?.getAttribute(name))).toEqual([
    "10",
    "70",
    "110",
    "70",
  ]);
  expect(Array.from(along?.children ?? [], (stop) => stop.getAttribute("offset"))).toEqual([
    "0",
    "0.5",
    "1",
  ]);
  // Towards a corner: from the opposite one, the strike in the middle.
  expect(["x1", "y1", "x2", "y2"].map((name) => across?.getAttribute(name))).toEqual([
    "10",
    "120",
    "110",
    "20",
  ]);
  expect(across?.children).toHaveLength(4);
});

it("keeps what XML has no place for out of the file", () => {
  expect(xmlText("a\u0000b\u001bc\ud800d\ufffee\u{1f600}\n")).toBe(
    "a\ufffdb\ufffdc\ufffdd\ufffde\u{1f600}\n",
  );
});

it("composes one file with title, description and caption, all text escaped", () => {
  const hostile = '<script>alert(1)</script> & "quotes" \u0007';
  const drawing = { body: node("g"), defs: node("defs"), width: 200, height: 50 };
  const style = { fontFamily: '"A & B", sans-serif', fontSize: "13px", color: "rgb(1, 2, 3)" };
  const svg = composeSvg(
    drawing,
    { title: hostile, lines: [`Prompt: ${hostile}`, "x".repeat(200)] },
    style as CSSStyleDeclaration,
    "rgb(255, 255, 255)",
  );
  expect(svg).not.toContain("<script");
  expect(svg).not.toContain("\u0007");
  expect(svg).toContain("&lt;script&gt;");
  expect(svg.match(/xmlns="/g)).toHaveLength(1);
  expect(svg).toContain('width="320"');
  // Words that are too long are broken; the description keeps them whole.
  const caption = svg.slice(svg.indexOf('<g class="caption">'));
  expect(caption).not.toContain("x".repeat(60));
});

it("names files so that every system takes them", () => {
  expect(fileName("org/model:7b", "Attention: Head 1.2")).toBe("org-model-7b-Attention-Head-1.2");
  expect(fileName("../../etc", "passwd")).toBe("etc-passwd");
  expect(fileName("模型", "")).toBe("模型");
});

it("separates cells by tabs, with no formula and no broken line in them", () => {
  const table = tabSeparated(
    ["token", "p"],
    [
      ["=1+1", 'a\t"b"', null],
      [0.5, -1, [1, 2]],
    ],
  );
  expect(table).toBe('token\tp\n\'=1+1\t0.5\n"a\t""b"""\t-1\n\t1 2\n');
});
