/** Files with a secret in them. */
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { CliFailure } from "./failure.ts";

export interface SecretFile {
  readonly name: string;
  /** Once. */
  readonly write: (text: string) => void;
  /** Where nothing has come of it after all. */
  readonly remove: () => void;
}

/** Makes one that was not there, and that its owner alone can read. @throws CliFailure where that fails */
export function newSecretFile(name: string): SecretFile {
  const handle = orFailure(name, () => openSync(name, "wx", 0o600));
  return {
    name,
    write: (text) => {
      try {
        orFailure(name, () => writeFileSync(handle, text));
      } finally {
        closeSync(handle);
      }
    },
    remove: () => rmSync(name, { force: true }),
  };
}

function orFailure<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new CliFailure(`cannot write ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
