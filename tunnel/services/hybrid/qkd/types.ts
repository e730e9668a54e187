/** Key of QKD streams, by number: what sessions need of it. */
import type { Result } from "../../../../shared/result.ts";

/** 32 bytes of key by number, the same at both ends: see `supply.ts`. */
export interface QkdNumber {
  readonly ksid: string;
  readonly number: number;
}

/** Key of QKD streams between an application here and one at a peer's node. */
export interface QkdSupply {
  /**
   * Initiator: the next `count` numbers that nobody has had, and that there is key for; or why there is none. Their
   * stream's KSID is for the responder to join: before it has, nobody can know whether there is key.
   */
  allocate(to: QkdPeer, count: number, signal: AbortSignal): Promise<Result<QkdNumber, string>>;
  /** The key of numbers `from` to `from + count - 1`, 32 bytes each; whoever gets it wipes it. Each number once. */
  take(to: QkdPeer, from: QkdNumber, count: number, signal: AbortSignal): Promise<Result<Uint8Array, string>>;
  /** Initiator: no more numbers of this stream; its peer could not have key of it, as after a restart. */
  abandon(to: QkdPeer, ksid: string): void;
  close(): void;
}

/** Whose key: the two applications, at their nodes, and which of them allocates. */
export interface QkdPeer {
  readonly own: { readonly sae: string; readonly node: string; readonly uuid: string };
  /** `sae` is null where it is not known yet: whichever at that node joins. */
  readonly peer: { readonly sae: string | null; readonly uuid: string };
  readonly allocates: "own" | "peer";
}
