/**
 * What a module has to know after a restart: numbers of blocks, authentication key, blocks not settled, key blocks not
 * put away, reports. Changes are gathered and written together, before the messages that tell of them leave.
 */
import { LIMITS } from "../limits.ts";
import { equalBytes } from "../postprocessing/authentication/equal.ts";
import {
  AuthKeyStore,
  isBefore,
  type Slot,
  type SlotName,
  type StoredKeys,
} from "../postprocessing/authentication/key-store.ts";
import { DEFAULT_PARAMETER_SET, PARAMETER_SETS } from "../postprocessing/authentication/slh-dsa.ts";
import { type BlockRecord, type Unconfirmed, withdrawn } from "../postprocessing/session/settlement.ts";
import type { Result } from "../result.ts";
import type { Simulation } from "./settings.ts";
import type { ModuleReport, ModuleTotals } from "./status.ts";
import { decodeStored, encodeStored, HEAD_ENTRY, type ModuleStore } from "./stored.ts";

export interface FinishedBlock {
  /** `<simulation>/<link>/<number>`, the same at both ends; no colon, after which pools look for a place in a file. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

interface Head {
  readonly last: number;
  /** Highest block of the fake simulation that a receiver has taken. */
  readonly fakeTaken: number;
  readonly totals: ModuleTotals;
  readonly reports: readonly ModuleReport[];
}

interface Signing {
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** A sender's word on a block, once given. */
export type Settled = Extract<BlockRecord, { readonly state: "discarded" }> | SettledRelease;
interface SettledRelease {
  readonly state: "released";
  readonly block: number;
  readonly token: Uint8Array;
}
type Kept = Exclude<BlockRecord, { readonly state: "released" }> | SettledRelease;

const KEYS_ENTRY = "keys";
const SIGNING_ENTRY = "signing";
const PEER_ENTRY = "peer";
const RECORD = "record/";
const KEY = "key/";
const OFFER = "offer/";

/** Of `key/<simulation>/<number>`. */
const blockOf = (name: string): number => Number(name.split("/")[2]);

const NO_TOTALS: ModuleTotals = { released: 0, aborted: 0, siftedBits: 0, keyBits: 0 };

export class ModuleMemory {
  readonly #store: ModuleStore;
  readonly #link: string;
  readonly #changes = new Map<string, Uint8Array | null>();
  readonly #records = new Map<number, Kept>();
  readonly #finished = new Map<string, Uint8Array>();
  readonly #keys: AuthKeyStore;
  readonly signing: Signing;
  #pinnedPeer: Uint8Array | null;
  #head: Head = { last: 0, fakeTaken: 0, totals: NO_TOTALS, reports: [] };
  #offer: { readonly block: number; readonly bytes: Uint8Array } | null = null;

  /** Reads what there is. An offer that was under way is withdrawn. */
  constructor(store: ModuleStore, link: string, random: (bytes: number) => Uint8Array) {
    this.#store = store;
    this.#link = link;
    for (const name of store.names()) this.#read(name);
    this.#keys = new AuthKeyStore(this.#stored<StoredKeys>(KEYS_ENTRY) ?? undefined);
    this.signing = this.#stored<Signing>(SIGNING_ENTRY) ?? this.#newSigning(random);
    this.#pinnedPeer = store.read(PEER_ENTRY);
    for (const record of this.#records.values()) if (record.state === "offered") this.record(withdrawn(record));
    this.flush();
  }

  get last(): number {
    return this.#head.last;
  }

  get totals(): ModuleTotals {
    return this.#head.totals;
  }

  /** Latest first. */
  get reports(): readonly ModuleReport[] {
    return this.#head.reports;
  }

  get slots(): number {
    return this.#keys.size;
  }

  /** The public key that the other end's signatures are to fit from now on. */
  get pinnedPeer(): Uint8Array | null {
    return this.#pinnedPeer;
  }

  pinPeer(publicKey: Uint8Array): void {
    if (this.#pinnedPeer !== null && equalBytes(this.#pinnedPeer, publicKey)) return;
    this.#pinnedPeer = publicKey;
    this.#changes.set(PEER_ENTRY, publicKey);
  }

  refill(): number {
    return this.#keys.refillFor(LIMITS.moduleSlots);
  }

  get finished(): readonly FinishedBlock[] {
    return [...this.#finished]
      .sort(([a], [b]) => blockOf(a) - blockOf(b))
      .map(([name, bytes]) => ({ id: this.#idOf(name), bytes }));
  }

  get finishedBlocks(): number {
    return this.#finished.size;
  }

  /** Blocks of which a receiver does not know whether they count. */
  get unsettled(): readonly number[] {
    return [...this.#records.values()].filter(({ state }) => state === "unconfirmed").map(({ block }) => block);
  }

  /** The fake simulation's block that the receiver has not said to have. */
  get offer(): { readonly block: number; readonly bytes: Uint8Array } | null {
    return this.#offer;
  }

  /** Numbers up to this one are used up. */
  use(block: number): void {
    if (block > this.#head.last) this.#putHead({ last: block });
  }

  hasSlot(name: SlotName): boolean {
    return this.#keys.has(name);
  }

  /** A key for one block: written down as gone before it is handed out. Without a name it is the oldest. */
  takeSlot(name?: SlotName): Result<Slot, string> {
    const persist = (stored: StoredKeys): void => {
      this.#changes.set(KEYS_ENTRY, encodeStored(stored));
      this.flush();
    };
    return this.#keys.take(persist, name);
  }

  /**
   * The sender takes the oldest slot that he has: what is older than that is gone at his end, and all where he has none.
   * @param name as his opening has it, once that is known to be his
   */
  dropSlotsBefore(name: SlotName | null): void {
    for (const slot of this.#keys.stored().slots) {
      if (name !== null && !isBefore(slot, name)) continue;
      this.#keys.take((stored) => void this.#changes.set(KEYS_ENTRY, encodeStored(stored)), slot);
    }
  }

  unconfirmed(block: number): Unconfirmed | null {
    const record = this.#records.get(block);
    return record?.state === "unconfirmed" ? record : null;
  }

  settlement(block: number): Settled | null {
    const record = this.#records.get(block);
    return record?.state === "released" || record?.state === "discarded" ? record : null;
  }

  /** What a session wrote down of its block; with a release its key is there to be put away. */
  record(record: BlockRecord): void {
    if (record.state !== "released") return this.#putRecord(record);
    const { key, slots } = record.secrets;
    this.finish("bb84", record.block, key);
    // Where it is refused the other end has what this one has not: those blocks are signed.
    if (this.#keys.add(slots).ok) this.#changes.set(KEYS_ENTRY, encodeStored(this.#keys.stored()));
    this.#putRecord({ state: "released", block: record.block, token: record.token });
  }

  /** @returns whether there was one to be given up */
  giveUpOldestUnsettled(): boolean {
    if (this.unsettled.length === 0) return false;
    this.#forgetRecord(Math.min(...this.unsettled));
    return true;
  }

  finish(sim: Simulation, block: number, bytes: Uint8Array): void {
    const name = `${KEY}${sim}/${block}`;
    this.#finished.set(name, bytes);
    this.#changes.set(name, bytes);
  }

  putAway(id: string): void {
    for (const [name, bytes] of this.#finished) {
      if (this.#idOf(name) !== id) continue;
      this.#finished.delete(name);
      this.#changes.set(name, null);
      this.flush();
      bytes.fill(0);
    }
  }

  offerKey(block: number, bytes: Uint8Array): void {
    this.#offer = { block, bytes };
    this.#changes.set(`${OFFER}${block}`, bytes);
  }

  /** The receiver has the offer: it counts at this end too. */
  acceptOffer(): void {
    if (this.#offer === null) return;
    const { block, bytes } = this.#offer;
    this.#changes.set(`${OFFER}${block}`, null);
    this.#offer = null;
    this.finish("fake", block, bytes);
  }

  /** @returns false where this block has been taken before, or a number is not one that could come next */
  takeFake(block: number, bytes: Uint8Array): boolean {
    const { fakeTaken, last } = this.#head;
    if (block <= fakeTaken || (last > 0 && block > last + LIMITS.moduleBlockJump)) return false;
    this.#putHead({ fakeTaken: block, last: Math.max(block, this.#head.last) });
    this.finish("fake", block, bytes);
    return true;
  }

  /** Takes the place of an earlier report of the same block. */
  report(report: ModuleReport): void {
    const others = this.#head.reports.filter(({ block }) => block !== report.block);
    const { released, aborted, siftedBits, keyBits } = this.#head.totals;
    const ended = report.outcome === "released" || report.outcome === "aborted" ? 1 : 0;
    this.#putHead({
      reports: [report, ...others].slice(0, LIMITS.moduleReports),
      totals: {
        released: released + (report.outcome === "released" ? 1 : 0),
        aborted: aborted + (report.outcome === "aborted" ? 1 : 0),
        siftedBits: siftedBits + ended * (report.siftedKeyBits ?? 0),
        keyBits: keyBits + report.keyBits,
      },
    });
  }

  /** Writes what has changed. */
  flush(): void {
    if (this.#changes.size === 0) return;
    const changes = new Map(this.#changes);
    this.#changes.clear();
    this.#store.write(changes);
  }

  #idOf(name: string): string {
    const [, sim, block] = name.split("/");
    return `${sim}/${this.#link}/${block}`;
  }

  #putHead(changes: Partial<Head>): void {
    this.#head = { ...this.#head, ...changes };
    this.#changes.set(HEAD_ENTRY, encodeStored(this.#head));
  }

  #putRecord(record: Kept): void {
    // A receiver needs nothing of a block that is settled, a sender only his word.
    const isReceivers = this.#records.get(record.block)?.state === "unconfirmed" && record.state !== "unconfirmed";
    if (isReceivers) this.#records.delete(record.block);
    else this.#records.set(record.block, record);
    this.#changes.set(`${RECORD}${record.block}`, isReceivers ? null : encodeStored(record));
    if (this.#records.size > LIMITS.moduleSettlements) this.#forgetRecord(Math.min(...this.#records.keys()));
  }

  #forgetRecord(block: number): void {
    this.#records.delete(block);
    this.#changes.set(`${RECORD}${block}`, null);
  }

  #newSigning(random: (bytes: number) => Uint8Array): Signing {
    const set = PARAMETER_SETS[DEFAULT_PARAMETER_SET];
    const { secretKey, publicKey } = set.keygen(random(set.lengths.seed ?? 0));
    this.#changes.set(SIGNING_ENTRY, encodeStored({ secretKey, publicKey }));
    return { secretKey, publicKey };
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as of decodeStored
  #stored<T>(name: string): T | null {
    const bytes = this.#store.read(name);
    return bytes === null ? null : decodeStored<T>(bytes);
  }

  #read(name: string): void {
    if (name === HEAD_ENTRY) this.#head = this.#stored<Head>(name) ?? this.#head;
    const bytes = this.#store.read(name);
    if (bytes === null) return;
    if (name.startsWith(RECORD)) {
      const record = decodeStored<Kept>(bytes);
      this.#records.set(record.block, record);
    } else if (name.startsWith(KEY)) this.#finished.set(name, bytes);
    else if (name.startsWith(OFFER)) this.#offer = { block: Number(name.slice(OFFER.length)), bytes };
  }
}
