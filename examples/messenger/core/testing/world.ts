/** Two people, their key management entities and the ways between them, for tests: all in memory, with a clock of its own. */
import { RefusedError } from "../../../../client/index.ts";
import type { Bytes } from "../bytes.ts";
import { BOUNDS } from "../bounds.ts";
import type { Carrier } from "../carrier.ts";

export class Clock {
  nowMs = 1_000_000;
  readonly now = (): number => this.nowMs;
}

export const randomBytes = (count: number): Bytes => crypto.getRandomValues(new Uint8Array(count));

/** WebCrypto answers from other threads: lets what waits for nothing else run. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => void setTimeout(resolve, 0));
}

/** Runs on until it is so. */
export async function until(isSo: () => boolean, step: () => void = () => undefined): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    if (turns > 3000) throw new Error("it does not become so");
    step();
    await turn();
  }
}

/** The keys of one pair, each given out once at either end. */
export class KeyStore {
  stock = 1000;
  readonly #held = new Map<string, Uint8Array>();
  readonly taken: string[] = [];
  readonly sizesBits: number[] = [];

  /** As one of the two sees its own key management entity. */
  readonly kme = {
    getKey: async (_slave: string, { sizeBits = 256 }: { readonly sizeBits?: number } = {}) => {
      await Promise.resolve();
      if (this.stock <= 0) throw new RefusedError("not enough keys available", { status: 503 });
      this.stock--;
      const [keyId, key] = [crypto.randomUUID(), randomBytes(sizeBits / 8)];
      this.#held.set(keyId, key.slice());
      this.taken.push(keyId);
      this.sizesBits.push(sizeBits);
      return [{ keyId, key }];
    },
    getKeyWithIds: async (_master: string, [keyId = ""]: readonly string[]) => {
      await Promise.resolve();
      const key = this.#held.get(keyId);
      this.#held.delete(keyId);
      if (key === undefined) throw new RefusedError("one or more keys specified are not found on KME", { status: 400 });
      return [{ keyId, key }];
    },
    status: async () => {
      await Promise.resolve();
      return {
        source_KME_ID: "k1",
        target_KME_ID: "k2",
        master_SAE_ID: "a",
        slave_SAE_ID: "b",
        key_size: 256,
        stored_key_count: this.stock,
        max_key_count: 1000,
        max_key_per_request: 128,
        max_key_size: 4096,
        min_key_size: 64,
        max_SAE_ID_count: 0,
      };
    },
  };

  /** The other end will not have it. */
  lose(keyId: string): void {
    this.#held.delete(keyId);
  }
}

/** One direction of a way: frames wait in it until they are let through, lost or doubled. */
export class Way {
  readonly waiting: Bytes[] = [];
  readonly kind: Carrier["kind"];
  readonly #deliver: (frame: Bytes) => void;
  isOpen = true;

  constructor(kind: Carrier["kind"], deliver: (frame: Bytes) => void) {
    this.kind = kind;
    this.#deliver = deliver;
  }

  readonly carrier: Carrier = {
    kind: "room",
    hasRoomFor: () => this.waiting.length < BOUNDS.windowMessages,
    send: (frame) => {
      if (this.isOpen) this.waiting.push(frame);
    },
  };

  /** @returns how many */
  flush(): number {
    const frames = this.waiting.splice(0);
    for (const frame of frames) this.#deliver(frame);
    return frames.length;
  }

  letThrough(index: number): void {
    const [frame] = this.waiting.splice(index % Math.max(1, this.waiting.length), 1);
    if (frame !== undefined) this.#deliver(frame);
  }

  double(index: number): void {
    const frame = this.waiting[index % Math.max(1, this.waiting.length)];
    if (frame !== undefined) this.waiting.push(frame.slice());
  }

  lose(index: number): void {
    this.waiting.splice(index % Math.max(1, this.waiting.length), 1);
  }
}
