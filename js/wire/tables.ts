// A view's table as the kernel gives it: names, and columns of plain values.

import { RpcError } from "./rpc";
import type { SessionClient } from "./session-client";

export interface TableWish {
  /** The name of the view. */
  readonly view: string;
  /** Which of it: the words of the Python function that makes it. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface TableAnswer {
  readonly names: readonly string[];
  readonly columns: readonly (readonly unknown[])[];
}

export async function askTable(client: SessionClient, wish: TableWish): Promise<TableAnswer> {
  const { result } = await client.ask("table", wish);
  const { names, columns } = (result ?? {}) as Record<string, unknown>;
  const lists = Array.isArray(columns) && columns.every(Array.isArray);
  if (!Array.isArray(names) || !lists || names.length !== columns.length) {
    const message = "The kernel's answer could not be read: a table has a name for each column.";
    throw new RpcError({ type: "BadAnswer", message, hint: "" });
  }
  return { names: names.map(String), columns };
}
