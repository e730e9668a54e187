/** The keys of the two, as the conversation uses them: each is noted with what it is for and the way it came. */
import type { Etsi014Client } from "../../../client/index.ts";
import { type KeyRow, noted, withWay } from "./key-book.ts";
import { KeySource, type KeySourceOptions } from "./key-source.ts";
import type { Screen } from "./screen.ts";
import type { TakenKey } from "./sending-key.ts";
import { wayOf } from "./way.ts";

export interface PairKeysOptions extends Omit<KeySourceOptions, "onWaiting" | "kme"> {
  readonly kme: KeySourceOptions["kme"] & Pick<Etsi014Client, "status">;
  /** The own one. */
  readonly node: string;
  readonly screen: () => Screen;
  /** Of the conversation. */
  readonly signal: AbortSignal;
}

export class PairKeys {
  readonly #options: PairKeysOptions;
  readonly #source: KeySource;

  constructor(options: PairKeysOptions) {
    this.#options = options;
    this.#source = new KeySource({ ...options, onWaiting: (waiting) => options.screen().show({ waiting }) });
  }

  /** To send with. @throws the signal's reason; RefusedError for a pad that it will not give, as for its size */
  async take(bits: number, use: KeyRow["use"], signal = this.#options.signal): Promise<TakenKey> {
    const taken = await this.#source.take(bits, signal, use === "pad");
    this.#note({ keyId: taken.keyId, whose: "mine", use, bits });
    return taken;
  }

  /** One that the other side has sealed with. @throws the signal's reason */
  async fetch(keyId: string, bits: number, use: KeyRow["use"]): Promise<Uint8Array | null> {
    const key = await this.#source.fetch(keyId, bits, this.#options.signal);
    if (key !== null) this.#note({ keyId, whose: "theirs", use, bits });
    return key;
  }

  /** What the key management entity says of the pair. */
  async look(): Promise<void> {
    const { kme, peer, signal, node } = this.#options;
    try {
      const way = wayOf(await kme.status(peer, { signal }), node);
      const screen = this.#options.screen();
      screen.show({ way, book: withWay(screen.state.book, way) });
    } catch {
      // Who waits for a key is told why; the figures beside it may be old.
    }
  }

  #note(row: Omit<KeyRow, "atMs" | "way">): void {
    const screen = this.#options.screen();
    const { book, way } = screen.state;
    screen.show({ book: noted(book, { ...row, atMs: this.#options.now(), way }) });
  }
}
