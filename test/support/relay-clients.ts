/** Pairs of clients that draw keys over mutual TLS, each end at its own node's KME, on connections that are kept. */
import https from "node:https";
import { expect } from "vitest";
import { httpsRequest, type TlsAnswer } from "./front-bench.ts";
import { type Key, keysIn, type KeyLedger } from "./key-ledger.ts";
import { type NodePair, saeOf } from "./relay-network.ts";
import type { ReachedNetwork } from "./run-network.ts";

/** What clients need of it. */
type Network = Pick<ReachedNetwork, "kme" | "tls">;

/** What was refused, and why. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
}

/** What may be said to who gets none for a moment. */
export const RELAY_REASONS =
  /no path|paths|key for relays|not enough keys available|no new keys|relays may take|try again/;

export interface Tally {
  roundTrips: number;
  readonly refusals: Refusal[];
}

export interface DrawOptions {
  readonly ledger: KeyLedger;
  readonly tally: Tally;
  /** Asked before each key. */
  readonly isOver: () => boolean;
  /** Of every so many keys one is left with the edge; 0: none. */
  readonly leavesEvery?: number;
}

export const newTally = (): Tally => ({ roundTrips: 0, refusals: [] });

const refusalIn = ({ status, body }: TlsAnswer): Refusal => ({
  status,
  message: (JSON.parse(body) as { message?: string }).message ?? "",
});

/** How the refusals of a tally are told. */
export function reasonsIn({ refusals }: Tally): Readonly<Record<string, number>> {
  const reasons: Record<string, number> = {};
  for (const { status, message } of refusals) {
    const reason = `${status} ${message}`;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return reasons;
}

/** The SAE of the first node, which asks for keys, and that of the second. */
export class RelayClients {
  readonly pair: NodePair;
  readonly #network: Network;
  readonly #agents: readonly https.Agent[];

  constructor(network: Network, pair: NodePair) {
    this.#network = network;
    this.pair = pair;
    this.#agents = pair.map((node) => {
      const { ca, cert, key } = network.tls(saeOf(node));
      return new https.Agent({ ca, cert, key, keepAlive: true, maxSockets: 1 });
    });
  }

  async enc(number = 1, sizeBits = 256): Promise<TlsAnswer> {
    return await this.#ask(0, `${saeOf(this.pair[1])}/enc_keys?number=${number}&size=${sizeBits}`);
  }

  async dec(keyId: string): Promise<TlsAnswer> {
    return await this.#ask(1, `${saeOf(this.pair[0])}/dec_keys?key_ID=${keyId}`);
  }

  /** Takes a key at a time, and fetches it at the other end, until it is over: from then on the edge may be gone. */
  async draw({ ledger, tally, isOver, leavesEvery = 0 }: DrawOptions): Promise<void> {
    try {
      for (let turn = 1; !isOver(); turn++) {
        const given = await this.enc();
        if (given.status !== 200) {
          if (isOver()) return;
          tally.refusals.push(refusalIn(given));
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
          continue;
        }
        for (const key of keysIn(given.body)) await this.#fetch(key, turn, { ledger, tally, isOver, leavesEvery });
      }
    } catch (error) {
      // A connection goes with the engine; what is wrong with an answer stays wrong.
      if (!isOver() || (error instanceof Error && error.name === "AssertionError")) throw error;
    }
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  async #fetch(key: Key, turn: number, options: DrawOptions): Promise<void> {
    const { ledger, tally, isOver, leavesEvery = 0 } = options;
    ledger.given(key, this.pair);
    if (leavesEvery > 0 && turn % leavesEvery === 0) return;
    ledger.fates.set(key.key_ID, "unknown"); // until the answer is here
    const fetched = await this.dec(key.key_ID);
    if (fetched.status === 200) {
      for (const each of keysIn(fetched.body)) ledger.fetched(each);
      tally.roundTrips += 1;
      return;
    }
    if (isOver()) return;
    expect(fetched.status, "a key that was given is there").toBe(503);
    tally.refusals.push(refusalIn(fetched));
  }

  async #ask(end: 0 | 1, path: string): Promise<TlsAnswer> {
    const agent = this.#agents[end];
    return await httpsRequest(`${this.#network.kme[this.pair[end]]}/api/v1/keys/${path}`, { agent });
  }
}

/** A refused client does not ask again at once. */
const RETRY_MS = 100;
