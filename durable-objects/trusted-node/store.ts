/** What the object stores but its alarms and its outbox: no key material, ever. */
import type { NodeId } from "../../shared/ids.ts";
import { type Database, storedJson } from "../storage/database.ts";
import { Settings } from "../storage/settings.ts";
import type { RelayedPool } from "./begun-relays.ts";

export class NodeStore {
  readonly #settings: Settings;

  constructor(db: Database) {
    this.#settings = new Settings(db);
  }

  /** The object's name is its node's id. */
  named(name: string | undefined): NodeId {
    return this.#settings.named(name) as NodeId;
  }

  /** Of the last advertisement; 0 before the first. */
  get sequence(): number {
    return Number(this.#settings.text("sequence") ?? 0);
  }

  set sequence(sequence: number) {
    this.#settings.put("sequence", String(sequence));
  }

  /** Pools into which relays may be under way. */
  get begun(): readonly RelayedPool[] {
    return storedJson(this.#settings.text("begun") ?? "[]");
  }

  set begun(pools: readonly RelayedPool[]) {
    this.#settings.put("begun", JSON.stringify(pools));
  }
}
