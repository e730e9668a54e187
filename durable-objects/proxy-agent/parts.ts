/** What the parts of a ProxyAgent object work with. */
import type { NodeId } from "../../shared/ids.ts";
import type { Database } from "../storage/database.ts";
import type { BatchStore } from "./batch-store.ts";
import type { EntryStore } from "./entry-store.ts";
import type { ErrandStore } from "./errand-store.ts";
import type { Events } from "./events.ts";
import type { ProxyNetwork } from "./network.ts";
import type { RekeyStore } from "./rekey-store.ts";
import type { ProxyStore } from "./store.ts";
import type { Waiters } from "./waiters.ts";
import type { WordStore } from "./word-store.ts";

export interface ProxyParts {
  readonly node: NodeId;
  readonly db: Database;
  readonly store: ProxyStore;
  readonly entries: EntryStore;
  readonly batches: BatchStore;
  readonly errands: ErrandStore;
  readonly words: WordStore;
  readonly rekeys: RekeyStore;
  readonly network: ProxyNetwork;
  readonly events: Events;
  readonly nowMs: () => number;
  /** UUIDs. */
  readonly newId: () => string;
  readonly random: (bytes: number) => Uint8Array;
  readonly waiters: Waiters;
  /** Something may be due now, or somebody may have what he waits for. */
  readonly changed: () => void;
}
