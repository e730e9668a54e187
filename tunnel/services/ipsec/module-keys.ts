/** Keys of SAs from a listener of the hybridization module's protocol, as the original proxy agent has them. */
import { LIMITS } from "../../../shared/limits.ts";
import { isRecord } from "../../../shared/records.ts";
import type { KeyWish } from "../../../shared/ipsec/errand.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { Place } from "../../place.ts";
import { JsonTcpConnection } from "../etsi004-json/connection.ts";
import { type Attempt, attemptOf, type FetchedKey, type FetchKey, madeOf, patiently } from "./keys.ts";

class ModuleFailure extends Error {}
const failure = (message: string): ModuleFailure => new ModuleFailure(message);

/** Both ends have to open within ten seconds of each other there: who is alone tries again. */
export const keysOfModule = (place: Place): FetchKey =>
  patiently(async (wish, leftMs, signal) => {
    let connection: JsonTcpConnection | null = null;
    const abort = (): void => connection?.end();
    signal.addEventListener("abort", abort, { once: true });
    try {
      connection = await JsonTcpConnection.open(place, { timeoutMs: leftMs + LIMITS.agentRequestMs, failure });
      return signal.aborted
        ? err(attemptOf("timeout", "nobody waits any more"))
        : await fetch(connection, wish, leftMs);
    } catch (thrown) {
      if (!(thrown instanceof ModuleFailure)) throw thrown;
      return err(whyNot(thrown.message));
    } finally {
      signal.removeEventListener("abort", abort);
      connection?.end();
    }
  });

async function fetch(
  connection: JsonTcpConnection,
  { source, destination, chunkBytes }: KeyWish,
  leftMs: number,
): Promise<Result<FetchedKey, Attempt>> {
  const qos = { ...QOS, key_chunk_size: chunkBytes, timeout: leftMs };
  const { key_stream_id: ksid } = await connection.ask({ command: "OPEN_CONNECT", data: { source, destination, qos } });
  if (typeof ksid !== "string") throw failure("the answer to OPEN_CONNECT holds no key_stream_id");
  const { key, metadata } = await connection.getKey(ksid, 0);
  // What it has given is had, whatever it says to the end.
  await connection.ask({ command: "CLOSE", data: { key_stream_id: ksid } }).catch(() => undefined);
  const buffer = isRecord(metadata) ? metadata["buffer"] : null;
  return ok({ key, made: madeOf(ksid, typeof buffer === "string" ? buffer : "") });
}

/** As the original proxy agent asks. */
const QOS = {
  max_bps: 32,
  min_bps: 32,
  jitter: 10,
  priority: 1,
  ttl: 10,
  metadata_mimetype: "application/json",
} as const;

/** Agents begin with a stable word, as tunnel/services/etsi004-json does; modules have a text for everything. */
const WORD = /^(?<code>[a-z]+(?:-[a-z]+)+): (?<detail>.*)$/s;

function whyNot(message: string): Attempt {
  const { code, detail = "" } = WORD.exec(message)?.groups ?? {};
  if (code !== undefined) return attemptOf(code, detail);
  return { reason: "key-failed", message: `the hybrid module: ${message}`, isPassing: true };
}
