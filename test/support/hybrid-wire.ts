/** For tests of engines of hybrid keys: what lies between two of them, and the QKD key that they share. */
import { createHash } from "node:crypto";
import { parsePeerMessage, type PeerMessage, peerMessageText } from "../../shared/hybrid/peer/messages.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { PeerConnection, PeerEvents } from "../../tunnel/services/hybrid/channel/types.ts";
import type { QkdNumber, QkdSupply } from "../../tunnel/services/hybrid/qkd/types.ts";

export const UUIDS = ["a", "b", "c"].map((letter) => [8, 4, 4, 4, 12].map((digits) => letter.repeat(digits)).join("-"));

/** What goes from one engine to another passes here as text, and may be lost, held back or changed. */
export class Wire {
  /** Null: it is lost. */
  pass: (message: PeerMessage, from: number) => PeerMessage | null = (message) => message;
  readonly engines = new Map<number, PeerEvents>();
  readonly #ends = new Map<string, PeerConnection>();
  readonly seen: PeerMessage[] = [];

  reach(from: number, to: number): PeerConnection {
    const key = `${from} ${to}`;
    const known = this.#ends.get(key);
    if (known !== undefined) return known;
    const here: PeerConnection = this.#end(from, to, true, () => there);
    const there: PeerConnection = this.#end(to, from, false, () => here);
    this.#ends.set(key, here);
    return here;
  }

  break(): void {
    for (const [key, end] of this.#ends) {
      const [from = 0, to = 0] = key.split(" ").map(Number);
      this.#ends.delete(key);
      this.engines.get(from)?.closed(end, "broken");
      this.engines.get(to)?.closed((end as { other?: PeerConnection }).other ?? end, "broken");
    }
  }

  #end(self: number, peer: number, dialled: boolean, other: () => PeerConnection): PeerConnection {
    return {
      site: `site-${peer}`,
      dialled,
      hasRoom: () => true,
      send: (message) => {
        this.seen.push(message);
        const passed = this.pass(message, self);
        const read = passed === null ? null : parsePeerMessage(peerMessageText(passed));
        if (read !== null) setImmediate(() => this.engines.get(peer)?.message(other(), read));
      },
      hangUp: () => {},
    };
  }
}

/** Numbers of a stream that both ends read alike; each once at each end. */
export class Supply implements QkdSupply {
  static next = 0;
  empty = false;
  wrong = false;
  readonly taken: number[] = [];

  allocate(_to: unknown, count: number): Promise<Result<QkdNumber, string>> {
    if (this.empty) return Promise.resolve(err("no QKD key"));
    const number = Supply.next;
    Supply.next += count;
    return Promise.resolve(ok({ ksid: UUIDS[2] ?? "", number }));
  }

  take(_to: unknown, { number }: QkdNumber, count: number): Promise<Result<Uint8Array, string>> {
    if (this.empty) return Promise.resolve(err("no QKD key"));
    const numbers = Array.from({ length: count }, (_, at) => number + at);
    if (numbers.some((each) => this.taken.includes(each))) return Promise.resolve(err("taken before"));
    this.taken.push(...numbers);
    const parts = numbers.map((each) =>
      createHash("sha256")
        .update(`${each}${this.wrong ? "!" : ""}`)
        .digest(),
    );
    return Promise.resolve(ok(new Uint8Array(Buffer.concat(parts))));
  }

  abandon(): void {}

  close(): void {}
}
