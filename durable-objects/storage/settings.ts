/** What an object keeps one of, by name, in its table `setting (name, value)`: one object's values are all text, or text and bytes. */
import type { Database } from "./database.ts";

export class Settings {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  text(name: string): string | undefined {
    const value = this.#read(name);
    return typeof value === "string" ? value : undefined;
  }

  bytes(name: string): Uint8Array | undefined {
    const value = this.#read(name);
    return value === undefined || typeof value === "string" ? undefined : new Uint8Array(value);
  }

  put(name: string, value: Uint8Array | string): void {
    this.#db.run("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, value);
  }

  /** The object's name. One that is woken by its alarm may not be told it: it remembers it. */
  named(name: string | undefined): string {
    const stored = this.text("name");
    if (stored === undefined && name !== undefined) this.put("name", name);
    return stored ?? name ?? "";
  }

  /**
   * Notes the deployment's generation.
   * @param putBack called where the storage lived in another one: it was put back from a copy
   */
  seeGeneration(generation: string, putBack: () => void): void {
    const before = this.text("generation");
    if (before === generation) return;
    if (before !== undefined) putBack();
    this.put("generation", generation);
  }

  #read(name: string): ArrayBuffer | string | undefined {
    return this.#db.one<{ value: ArrayBuffer | string }>("SELECT value FROM setting WHERE name = ?", name)?.value;
  }
}
