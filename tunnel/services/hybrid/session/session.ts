/** One end of a hybrid stream, whichever role it has. */
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { PeerMessage } from "../../../../shared/hybrid/peer/messages.ts";
import type { Result } from "../../../../shared/result.ts";
import { type Kems, KemsBusy } from "../../../../shared/kem/kem.ts";
import { type Log, messageOf } from "../../../log.ts";
import type { Application } from "../agreement.ts";
import type { PeerChannel, PeerConnection } from "../channel/types.ts";
import type { QkdSupply } from "../qkd/types.ts";
import { failed, type HybridFailure } from "../failure.ts";
import type { MadeChunk } from "./held-chunks.ts";
import type { Reports } from "../reports.ts";

/** What sessions work with. */
export interface Surroundings {
  readonly kems: Kems;
  readonly qkd: QkdSupply;
  readonly channel: Pick<PeerChannel, "reach">;
  /** What an operator shall know of. */
  readonly reports: Reports;
  readonly log: Log;
  readonly nowMs: () => number;
  readonly randomBytes: (lengthBytes: number) => Uint8Array;
}

export interface HybridSession {
  readonly ksid: Ksid;
  /** Whose it is: nobody else may fetch from it. */
  readonly own: Application;
  /** How long GET_KEY may take. */
  readonly timeoutMs: number;
  readonly lastUsedMs: number;
  /** Whoever gets the key wipes it. */
  getKey(index: number, signal: AbortSignal): Promise<Result<MadeChunk, HybridFailure>>;
  /** Wipes what is kept for nobody any more. */
  sweep(): void;
  close(): void;
}

/** A session whose other end is an agent. */
export interface AgentSession extends HybridSession {
  readonly peerSite: string;
  /** Of the public keys of one exchange, which are part of transcripts. */
  readonly publicKeysBytes: number;
  message(from: PeerConnection, message: PeerMessage): void;
  /** The connection it came over, or went out on, is no more. */
  disconnected(connection: PeerConnection): void;
}

/** What its own queue is too long for is tried again later. A defect, as of a thread that ended, is this key's alone. */
export async function unlessBusy<T>(work: () => Promise<Result<T, HybridFailure>>): Promise<Result<T, HybridFailure>> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof KemsBusy) return failed("busy", "too many KEM operations wait");
    return failed("source-unavailable", `a KEM has failed: ${messageOf(thrown)}`);
  }
}

/** As `Promise.all`, but nothing is left behind: where one fails, what the others gave is wiped. */
export async function allOrNone<T>(works: readonly Promise<T>[], wipeOne: (done: T) => void): Promise<readonly T[]> {
  const settled = await Promise.allSettled(works);
  const done = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const fault = settled.find((one) => one.status === "rejected");
  if (fault === undefined) return done;
  done.forEach(wipeOne);
  throw fault.reason;
}
