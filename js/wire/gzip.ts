// What is carried or sent as "JSON, gzipped, in base64": scripts and styles.

export interface Packed {
  gzip: string;
}

export interface ScriptAndStyle {
  script: string;
  style: string;
}

export function isPacked(value: unknown): value is Packed {
  return typeof (value as Partial<Packed> | null)?.gzip === "string";
}

export async function unpacked({ gzip }: Packed): Promise<ScriptAndStyle> {
  const bytes = Uint8Array.from(atob(gzip), (character) => character.charCodeAt(0));
  const text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(text).json();
}

/** The module that a script is. */
export async function moduleOf(script: string): Promise<Record<string, unknown>> {
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    return await import(/* @vite-ignore */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
