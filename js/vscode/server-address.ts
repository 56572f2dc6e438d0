// Where a Jupyter server is: what a person has typed, as the parts that requests are made of.

export interface ServerAddress {
  /** With a slash at its end, no query, no credentials. */
  base: string;
  token: string;
}

/** Throws a sentence where it is no address of a server; a token in it (`?token=`) is taken out. */
export function readAddress(typed: string, token = ""): ServerAddress {
  let url: URL;
  try {
    url = new URL(typed.trim());
  } catch {
    throw new Error(
      "An address begins with http or https and names a machine, such as localhost:8888.",
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Error(`A Jupyter server is reached by http or https, not ${url.protocol}`);
  }
  const given = url.searchParams.get("token") ?? "";
  const path = url.pathname.replace(/\/(lab|tree|notebooks)(\/.*)?$/, "/").replace(/\/*$/, "/");
  return { base: `${url.protocol}//${url.host}${path}`, token: given || token };
}

/** Is it another machine, reached without encryption? The token would be read on the way. */
export function isExposed({ base }: ServerAddress): boolean {
  const { protocol, hostname } = new URL(base);
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return protocol === "http:" && !here && !hostname.endsWith(".localhost");
}

export const headersOf = ({ token }: ServerAddress): Record<string, string> =>
  token === "" ? {} : { Authorization: `token ${token}` };
