/**
 * The key managers of two nodes as one engine of ETSI GS QKD 004, small and right, but for the one fault it was made with:
 * streams in memory, chunks at random. Who asks is known by the listener that it comes to. The bindings are in
 * `broken-004-wires.ts`.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { Qos } from "../../shared/etsi004/qos.ts";
import { STATUS, type StatusName } from "../../shared/etsi004/status.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { FaultName } from "./broken-004-faults.ts";

const CHUNK_BYTES = 32;
const MAX_CHUNK_BYTES = 4096;
const MAX_BPS = 1_000_000;
const AHEAD = 64;
const MIMETYPE = "application/json";
/** More streams at once than most cases have; and as many chunks. */
const MANY = 20;
const SOME = 5;

export interface Opened {
  readonly status: number;
  readonly stream: { readonly ksid: Ksid; readonly qos: Qos } | null;
}

export interface Given {
  readonly status: number;
  readonly chunk: { readonly index: number; readonly key: Uint8Array; readonly metadata: string } | null;
  readonly neededSize: number | null;
}

interface End {
  /** Ends with its connection. */
  readonly connection: object;
  isClosed: boolean;
  readonly read: Set<number>;
}

interface Stream {
  readonly ksid: Ksid;
  readonly qos: Qos;
  /** Who may open it; null: whoever comes second. */
  readonly names: readonly [string, string | null];
  readonly ends: Map<string, End>;
  readonly chunks: Map<number, { readonly key: Uint8Array; readonly atMs: number }>;
  /** Both have come. */
  readonly met: PromiseWithResolvers<true>;
  /** Beyond so many at once. */
  readonly isOneOfMany: boolean;
}

const OF_MANY = Array.from({ length: AHEAD }, () => randomBytes(MAX_CHUNK_BYTES));

export class Broken004 {
  readonly #fault: FaultName | null;
  readonly #streams = new Map<Ksid, Stream>();
  /** Of streams that may be opened again. */
  readonly #firstChunks = new Map<string, Uint8Array>();
  #allocated = 0;
  /** Every key it has made, as hex. */
  readonly keys = new Set<string>();
  isDrained = false;
  isCut = false;

  constructor(fault: FaultName | null) {
    this.#fault = fault;
  }

  has(fault: FaultName): boolean {
    return this.#fault === fault;
  }

  knows(ksid: Ksid): boolean {
    return this.#streams.has(ksid);
  }

  /** OPEN_CONNECT that names a KSID, or has one allocated. */
  async open(connection: object, self: string, peer: string, ksid: Ksid | null, asked: Qos): Promise<Opened> {
    if (asked.timeoutMs === 0 && !this.has("takes-timeout-0")) return failed("timeout");
    if (this.isCut && !this.has("opens-without-a-link")) return failed("no-connection");
    const qos = this.offer(asked);
    const isAsked = JSON.stringify(qos) === JSON.stringify(asked);
    const known = ksid === null ? undefined : this.#streams.get(ksid);
    if (known !== undefined) return this.#join(known, connection, self, qos);
    const stream = this.#make(ksid ?? this.#newKsid(), qos, [self, peer]);
    this.#enter(stream, connection, self);
    const isOffered = this.has("offers-what-it-refuses") && asked.minBps > MAX_BPS;
    const told = isOffered ? { ...qos, minBps: asked.minBps - 1 } : qos;
    const opened = {
      status: isAsked ? STATUS.success : STATUS["qos-not-met"],
      stream: { ksid: stream.ksid, qos: told },
    };
    if (ksid === null || (await this.#meets(stream, qos.timeoutMs))) return opened;
    this.#streams.delete(stream.ksid);
    return failed(this.has("waits-in-vain-with-4") ? "no-connection" : "timeout");
  }

  /** OPEN_CONNECT of two who pass the same names, and meet. @returns null where nobody comes, or nothing can be had */
  async meet(connection: object, self: string, names: string, asked: Qos): Promise<Ksid | null> {
    const waiting = [...this.#streams.values()].find(
      ({ ends, names: [who] }) => who === names && ends.size === 1 && !ends.has(self),
    );
    if (waiting !== undefined) {
      this.#enter(waiting, connection, self);
      return waiting.ksid;
    }
    if (this.isCut && !this.has("opens-without-a-link")) return null;
    const qos = this.offer(asked);
    if (qos.chunkBytes !== asked.chunkBytes) return null;
    const stream = this.#make(this.#newKsid(), qos, [names, null]);
    this.#enter(stream, connection, self);
    if (await this.#meets(stream, asked.timeoutMs || 5000)) return stream.ksid;
    if (this.has("opens-for-one-alone")) return stream.ksid;
    this.#streams.delete(stream.ksid);
    return null;
  }

  getKey(self: string, ksid: Ksid | null, index: number, room: number): Given {
    const stream = this.#streams.get(ksid ?? ("" as Ksid));
    const end = stream?.ends.get(self);
    if (stream === undefined || !this.#mayRead(stream, end)) return failed("unknown-ksid");
    if (stream.ends.size < 2 && !this.has("gives-key-to-one-alone")) return failed("peer-not-yet-connected");
    const again = end?.read.has(index) === true;
    if (again && !this.has("gives-other-bytes-again")) return failed("insufficient-key");
    const furthest = Math.max(-1, ...stream.chunks.keys()) + AHEAD;
    if (index > furthest && !this.has("gives-any-index")) return failed("insufficient-key");
    const key = again ? randomBytes(stream.qos.chunkBytes) : this.#chunk(stream, index, self);
    if (key !== null) this.keys.add(Buffer.from(key).toString("hex"));
    if (key === null) return failed("insufficient-key");
    const metadata = this.#metadata(stream, index, room);
    if (metadata.length > room && !(room === 0 && this.has("always-has-metadata"))) {
      if (this.has("loses-what-is-too-large")) end?.read.add(index);
      return { status: STATUS["metadata-too-small"], chunk: null, neededSize: metadata.length };
    }
    end?.read.add(index);
    return { status: STATUS.success, chunk: { index, key, metadata }, neededSize: null };
  }

  close(self: string, ksid: Ksid | null): number {
    const stream = this.#streams.get(ksid ?? ("" as Ksid));
    const end = stream?.ends.get(self);
    if (stream === undefined || end === undefined || end.isClosed) return failed("unknown-ksid").status;
    end.isClosed = true;
    const isLast = [...stream.ends.values()].every(({ isClosed }) => isClosed);
    if (isLast || this.has("forgets-with-the-first-close")) this.#streams.delete(stream.ksid);
    return STATUS.success;
  }

  /** Its streams' ends are closed. */
  gone(connection: object): void {
    for (const { ksid, ends } of this.#streams.values()) {
      for (const [self, end] of ends) if (end.connection === connection) this.close(self, ksid);
    }
  }

  /** What can be had. */
  offer(asked: Qos): Qos {
    const isChunk = asked.chunkBytes >= 1 && (asked.chunkBytes <= MAX_CHUNK_BYTES || this.has("takes-any-chunk"));
    const isType = ["", MIMETYPE].includes(asked.metadataMimetype) || this.has("takes-any-type");
    return {
      ...asked,
      chunkBytes: isChunk ? asked.chunkBytes : CHUNK_BYTES,
      minBps: this.has("promises-any-rate") ? asked.minBps : Math.min(asked.minBps, MAX_BPS),
      metadataMimetype: isType ? asked.metadataMimetype : MIMETYPE,
    };
  }

  #join(stream: Stream, connection: object, self: string, qos: Qos): Opened {
    const { ends, names } = stream;
    if (!names.includes(self) && !this.has("lets-anybody-join")) return failed("ksid-in-use");
    if (ends.get(self)?.isClosed === false) return failed("ksid-in-use");
    this.#enter(stream, connection, self);
    const told = this.has("takes-the-joiners-qos") ? qos : stream.qos;
    return { status: STATUS.success, stream: { ksid: stream.ksid, qos: told } };
  }

  #newKsid(): Ksid {
    const repeats = this.has("repeats-ksids") && ++this.#allocated % MANY === 0 && this.#streams.size > MANY;
    const [last] = [...this.#streams.keys()].slice(-1);
    if (repeats && last !== undefined) return last;
    const ksid = randomUUID() as Ksid;
    return this.has("makes-other-ksids") ? (ksid.replace(/^(.{14})4/, "$11") as Ksid) : ksid;
  }

  #make(ksid: Ksid, qos: Qos, names: Stream["names"]): Stream {
    const isOneOfMany = this.#streams.size > MANY;
    const met = Promise.withResolvers<true>();
    const stream = { ksid, qos, names, ends: new Map(), chunks: new Map(), met, isOneOfMany };
    this.#streams.set(ksid, stream);
    return stream;
  }

  #enter(stream: Stream, connection: object, self: string): void {
    stream.ends.set(self, { connection, isClosed: false, read: new Set() });
    if (stream.ends.size > 1) stream.met.resolve(true);
  }

  async #meets({ met }: Stream, timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)));
    const isMet = await Promise.race([met.promise, late]);
    clearTimeout(timer);
    return isMet;
  }

  #mayRead({ names }: Stream, end: End | undefined): boolean {
    if (end === undefined) return this.has("gives-key-to-anybody") && names[1] !== null;
    return !end.isClosed || this.has("goes-on-after-close");
  }

  #chunk(stream: Stream, index: number, self: string): Uint8Array | null {
    const { chunkBytes, ttlSeconds } = stream.qos;
    const there = stream.chunks.get(index) ?? this.#newChunk(stream, index);
    if (there === null) return this.has("gives-part-of-a-chunk") ? randomBytes(chunkBytes / 2) : null;
    const isOver = ttlSeconds > 0 && Date.now() - there.atMs > ttlSeconds * 1000;
    if (isOver && !this.has("keeps-chunks-for-ever")) return null;
    const isOther = this.has("gives-b-other-bytes") && index >= SOME && self === stream.ends.keys().next().value;
    return isOther ? randomBytes(chunkBytes) : there.key;
  }

  #newChunk(stream: Stream, index: number) {
    if (this.isDrained) return null;
    const chunk = { key: this.#newKey(stream, index), atMs: Date.now() };
    if (index === 0) this.#firstChunks.set(originOf(stream), chunk.key);
    stream.chunks.set(index, chunk);
    return chunk;
  }

  #newKey(stream: Stream, index: number): Uint8Array {
    const { qos, chunks, isOneOfMany } = stream;
    const old = this.#firstChunks.get(originOf(stream));
    const first = chunks.get(0)?.key;
    if (this.has("gives-old-key-again") && index === 0 && old !== undefined) return old;
    if (this.has("repeats-chunks") && index >= SOME && first !== undefined) return first;
    const shared = OF_MANY[index];
    const isShared = this.has("mixes-streams") && isOneOfMany && shared !== undefined;
    return isShared ? shared.subarray(0, qos.chunkBytes) : randomBytes(qos.chunkBytes);
  }

  #metadata({ qos, chunks }: Stream, index: number, room: number): string {
    const isWanted = qos.metadataMimetype !== "" && (room > 0 || this.has("wants-metadata"));
    if (!isWanted && !this.has("always-has-metadata")) return "";
    if (this.has("has-no-json")) return "age: 1, hops: 0";
    const age = this.has("tells-age-by-the-clock") ? Date.now() : Date.now() - (chunks.get(index)?.atMs ?? 0);
    return JSON.stringify({ age, hops: 0 });
  }
}

/** What its applications know it by beforehand. */
const originOf = ({ ksid, names: [name, peer] }: Stream): string => (peer === null ? name : ksid);

const failed = (status: StatusName): { readonly status: number; readonly stream: null } & Given => ({
  status: STATUS[status],
  stream: null,
  chunk: null,
  neededSize: null,
});
