// The two files that make a zip a .vsix: what the package is, and which types its files have.

const escaped = (text) =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** extension.vsixmanifest, from the extension's package.json. */
export function packageManifest({ name, version, publisher, ...more }) {
  const { displayName, description, categories, keywords, engines, extensionKind } = more;
  const property = (id, value) =>
    `<Property Id="Microsoft.VisualStudio.Code.${id}" Value="${escaped(value)}"/>`;
  const asset = (type, path) =>
    `<Asset Type="${type}" Path="extension/${path}" Addressable="true"/>`;
  return `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${escaped(name)}" Version="${escaped(version)}" Publisher="${escaped(publisher)}"/>
    <DisplayName>${escaped(displayName)}</DisplayName>
    <Description xml:space="preserve">${escaped(description)}</Description>
    <Tags>${escaped(keywords.join(","))}</Tags>
    <Categories>${escaped(categories.join(","))}</Categories>
    <GalleryFlags>Public</GalleryFlags>
    <Properties>
      ${property("Engine", engines.vscode)}
      ${property("ExtensionKind", extensionKind.join(","))}
    </Properties>
    <License>extension/LICENSE.txt</License>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets>
    ${asset("Microsoft.VisualStudio.Code.Manifest", "package.json")}
    ${asset("Microsoft.VisualStudio.Services.Content.Details", "README.md")}
    ${asset("Microsoft.VisualStudio.Services.Content.License", "LICENSE.txt")}
  </Assets>
</PackageManifest>
`;
}

const TYPES = {
  ".json": "application/json",
  ".vsixmanifest": "text/xml",
  ".md": "text/markdown",
  ".txt": "text/plain",
  ".svg": "image/svg+xml",
  ".js": "application/javascript",
  ".css": "text/css",
};

export const CONTENT_TYPES = `<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
${Object.entries(TYPES)
  .map(([extension, type]) => `  <Default Extension="${extension}" ContentType="${type}"/>`)
  .join("\n")}
</Types>
`;
