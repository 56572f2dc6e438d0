// The page of the editor as VS Code gets it: nothing in it but our own script and styles, and a policy
// that lets nothing else run or be fetched. No text of a recipe is ever part of it.

export interface EditorPage {
  script: string;
  styles: string;
  /** Where VS Code serves an extension's files from, as a source of a policy. */
  source: string;
  nonce: string;
}

export function editorHtml({ script, styles, source, nonce }: EditorPage): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source}`,
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${escaped(styles)}">
<title>mechwidget</title>
</head>
<body>
<script type="module" nonce="${nonce}" src="${escaped(script)}"></script>
</body>
</html>
`;
}

export function newNonce(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

const escaped = (url: string): string =>
  url.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
