/** The QKD key of some chunks in a row. */
import { ok, type Result } from "../../../../shared/result.ts";
import { type Agreement, qkdPeer } from "../agreement.ts";
import type { QkdNumber } from "../qkd/types.ts";
import { failed, type HybridFailure } from "../failure.ts";
import { qkdNumbersPerChunk, type QkdPart } from "./material.ts";
import type { Surroundings } from "./session.ts";

/** @param first null: no QKD key is mixed in. The bytes are the caller's to wipe */
export async function takeQkd(
  { qkd }: Pick<Surroundings, "qkd">,
  agreement: Agreement,
  count: number,
  first: QkdNumber | null,
  signal: AbortSignal,
): Promise<Result<QkdPart | null, HybridFailure>> {
  if (first === null) return ok(null);
  const numbers = count * qkdNumbersPerChunk(agreement);
  const taken = await qkd.take(qkdPeer(agreement, agreement.peerSae), first, numbers, signal);
  return taken.ok ? ok({ first, bytes: taken.value }) : failed("source-unavailable", `QKD: ${taken.error}`);
}
