// Getting a picture or a table out of the page: a download that asks no server, an image of an SVG
// twice as sharp as the page, the clipboard where there is one.

const LARGEST_SIDE = 16_384; // of a canvas

export function download(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const svgBlob = (svg: string): Blob => new Blob([svg], { type: "image/svg+xml" });

/** The picture as pixels, two for each of the page's. */
export async function pngBlob(svg: string): Promise<Blob> {
  const image = new Image();
  // Not a blob: pages may forbid images from there.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const scale = Math.min(2, LARGEST_SIDE / Math.max(1, width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot make the image.");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error("The picture is too large for an image."));
    }, "image/png");
  });
}

/** Whether the clipboard took it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or no clipboard on this page
  }
}

/** A name that every file system takes. */
export const fileName = (...parts: string[]): string =>
  parts
    .map((part) => part.replace(/[^\p{L}\p{N}.]+/gu, "-").replace(/^[-.]+|[-.]+$/g, ""))
    .filter(Boolean)
    .join("-")
    .slice(0, 100);

/** Rows of cells, parted by tabs, as a spreadsheet takes them. */
export function tabSeparated(
  names: readonly string[],
  columns: readonly (readonly unknown[])[],
): string {
  const cell = (value: unknown): string => {
    if (value === null || value === undefined) return "";
    const text = Array.isArray(value) ? value.join(" ") : String(value);
    // A cell that begins like a formula is one to some spreadsheets; a token may begin like that.
    const plain = typeof value === "string" && /^[=+@-]/.test(text) ? `'${text}` : text;
    return /[\t\n\r"]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  const rows = Array.from({ length: columns[0]?.length ?? 0 }, (_, row) =>
    columns.map((column) => cell(column[row])).join("\t"),
  );
  return `${[names.map(cell).join("\t"), ...rows].join("\n")}\n`;
}
