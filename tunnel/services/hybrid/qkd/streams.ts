/** The QKD streams an agent has open: by the two applications and which of them allocates, and by KSID. */
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import type { Result } from "../../../../shared/result.ts";
import type { QkdPeer } from "./types.ts";
import type { QkdStream } from "./stream.ts";

export interface Entry {
  readonly to: QkdPeer;
  readonly stream: Promise<Result<QkdStream, string>>;
  /** Null until it is open. */
  opened: QkdStream | null;
  readonly sinceMs: number;
}

const pairOf = ({ own, peer, allocates }: QkdPeer): string =>
  JSON.stringify([own.sae, own.node, own.uuid, peer.sae, peer.uuid, allocates]);

/** One agent may serve both ends. */
const endOf = ({ own, allocates }: QkdPeer, ksid: Ksid): string =>
  JSON.stringify([ksid, own.sae, own.node, own.uuid, allocates]);

/** Who opened a stream without knowing which application would join may know it by now. */
const isPeer = (entry: QkdPeer["peer"], told: QkdPeer["peer"]): boolean =>
  entry.uuid === told.uuid && (entry.sae === null || entry.sae === told.sae);

export class QkdStreams {
  readonly #nowMs: () => number;
  readonly #entries = new Set<Entry>();
  /** Of those that this end opened, the one that gives numbers. */
  readonly #current = new Map<string, Entry>();
  readonly #byEnd = new Map<string, Entry>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  currentOf(to: QkdPeer): Entry | undefined {
    const entry = this.#current.get(pairOf(to));
    return entry?.opened?.isOver === true ? undefined : entry;
  }

  ofKsid(to: QkdPeer, ksid: Ksid): Entry | undefined {
    const entry = this.#byEnd.get(endOf(to, ksid));
    return entry !== undefined && isPeer(entry.to.peer, to.peer) ? entry : undefined;
  }

  /**
   * Where there are too many, those that have not been used for longest go.
   * @param ksid null where the edge allocates one
   */
  add(to: QkdPeer, ksid: Ksid | null, stream: Promise<Result<QkdStream, string>>): Entry {
    const pair = pairOf(to);
    const joined = [...this.#entries].filter((each) => each.to.allocates === "peer" && pairOf(each.to) === pair);
    this.#makeRoom(joined, LIMITS.hybridQkdJoined);
    this.#makeRoom([...this.#entries], LIMITS.hybridQkdStreams);
    const entry: Entry = { to, stream, opened: null, sinceMs: this.#nowMs() };
    this.#entries.add(entry);
    if (ksid === null) this.#current.set(pair, entry);
    else this.#byEnd.set(endOf(to, ksid), entry);
    void this.#opened(entry, ksid);
    return entry;
  }

  sweep(): void {
    for (const entry of this.#entries) if (entry.opened?.sweep() === true) this.#close(entry);
  }

  closeAll(): void {
    for (const entry of this.#entries) this.#close(entry);
  }

  async #opened(entry: Entry, ksid: Ksid | null): Promise<void> {
    const opened = await entry.stream;
    if (opened.ok && this.#entries.has(entry)) {
      entry.opened = opened.value;
      this.#byEnd.set(endOf(entry.to, opened.value.ksid), entry);
      return;
    }
    this.#remove(entry, ksid);
    if (opened.ok) await opened.value.close();
  }

  #makeRoom(entries: readonly Entry[], most: number): void {
    const usedMs = ({ opened, sinceMs }: Entry): number => opened?.lastUsedMs ?? sinceMs;
    const oldestFirst = entries.toSorted((one, other) => usedMs(one) - usedMs(other));
    for (const entry of oldestFirst.slice(0, Math.max(0, entries.length + 1 - most))) this.#close(entry);
  }

  #close(entry: Entry): void {
    this.#remove(entry, entry.opened?.ksid ?? null);
    void entry.opened?.close();
  }

  #remove(entry: Entry, ksid: Ksid | null): void {
    this.#entries.delete(entry);
    const pair = pairOf(entry.to);
    if (this.#current.get(pair) === entry) this.#current.delete(pair);
    const end = ksid === null ? null : endOf(entry.to, ksid);
    if (end !== null && this.#byEnd.get(end) === entry) this.#byEnd.delete(end);
  }
}
