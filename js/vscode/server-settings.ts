// Which server, and its token: the address is a setting, the token a secret of VS Code's, kept for that
// very address and sent to no other.

import * as vscode from "vscode";
import { isExposed, readAddress, type ServerAddress } from "./server-address";

export class ServerSettings {
  readonly #secrets: vscode.SecretStorage;

  constructor(secrets: vscode.SecretStorage) {
    this.#secrets = secrets;
  }

  /** Null where none is set, or the workspace is not trusted. Throws where the setting is no address. */
  async address(): Promise<ServerAddress | null> {
    const set = this.#setting("serverUrl");
    if (set === "" || !vscode.workspace.isTrusted) return null;
    const { base, token } = readAddress(set);
    return { base, token: token || ((await this.#secrets.get(keyOf(base))) ?? "") };
  }

  get kernelName(): string {
    return this.#setting("kernelName");
  }

  /** Asks a person for both; whether something was set. */
  async ask(): Promise<boolean> {
    const typed = await vscode.window.showInputBox({
      title: "The Jupyter server that has mechwidget",
      prompt: "Its address, as it prints it when it starts; a token in it is kept as a secret.",
      value: this.#setting("serverUrl"),
      ignoreFocusOut: true,
      validateInput: whyNot,
    });
    if (typed === undefined) return false;
    const { base, token } = readAddress(typed);
    const secret =
      token ||
      (await vscode.window.showInputBox({
        title: `The token of ${base}`,
        prompt: "Empty if the server wants none.",
        password: true,
        ignoreFocusOut: true,
      }));
    if (secret === undefined) return false;
    if (isExposed({ base, token: secret }) && !(await agreed(base))) return false;
    await this.#secrets.store(keyOf(base), secret);
    const target = vscode.ConfigurationTarget.Global;
    await vscode.workspace.getConfiguration("mechwidget").update("serverUrl", base, target);
    return true;
  }

  async forget(): Promise<void> {
    const address = await this.address();
    if (address) await this.#secrets.delete(keyOf(address.base));
  }

  #setting(name: string): string {
    return vscode.workspace.getConfiguration("mechwidget").get<string>(name, "").trim();
  }
}

const keyOf = (base: string): string => `token of ${base}`;

function whyNot(typed: string): string | undefined {
  try {
    readAddress(typed);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function agreed(base: string): Promise<boolean> {
  const detail =
    "It is another machine, reached without encryption: the token can be read on the way.";
  const go = "Use it all the same";
  const message = `Send a token to ${base}?`;
  return (await vscode.window.showWarningMessage(message, { modal: true, detail }, go)) === go;
}
