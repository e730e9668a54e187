/**
 * Binding 5, `GET /api/v1/streams/{ksid}/ws`: chunks are pushed over a WebSocket, at most at the stream's Max_bps, as many
 * as the client has given credits for. A WebSocket has no backpressure of its own, and who gives credits need not read:
 * so no more is pushed beyond what the client says to have received than `windowMessages`.
 */
import * as v from "valibot";
import type { Standing } from "../auth/standing.ts";
import { toBase64 } from "../bytes/base64.ts";
import { parseJson } from "../bytes/json.ts";
import { LIMITS } from "../limits.ts";
import type { StreamCaller } from "./types.ts";

/** Header in which the Worker tells a KeyStream object whose socket it is: see `writeSocketCall`. */
export const SOCKET_CALL_HEADER = "X-Qkd-Stream-Socket";

export interface SocketCall extends StreamCaller {
  readonly standing: Standing;
}

/** A `SocketCall` as a header has it: names of SAEs may hold any character, headers only ASCII. */
export const writeSocketCall = (call: SocketCall): string => encodeURIComponent(JSON.stringify(call));
export const readSocketCall = (header: string): SocketCall => JSON.parse(decodeURIComponent(header)) as SocketCall;

/** From the client: so many more messages may come, and so many have come since it is connected; one of them, or both. */
const DemandSchema = v.pipe(
  v.strictObject({
    credits: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.streamCredits))),
    received: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  }),
  v.check(({ credits, received }) => credits !== undefined || received !== undefined),
);
export type Demand = v.InferOutput<typeof DemandSchema>;

/** @returns null for anything else */
export function readDemand(message: string | ArrayBuffer): Demand | null {
  if (typeof message !== "string" || message.length > LIMITS.streamDemandChars) return null;
  const json = parseJson(message, 1);
  const parsed = json.ok ? v.safeParse(DemandSchema, json.value) : null;
  return parsed?.success === true ? parsed.output : null;
}

/** To the client: one chunk, named as the standard names what GET_KEY answers. */
export const chunkMessage = (index: number, key: Uint8Array, metadata: string | null): string =>
  JSON.stringify({ index, Key_buffer: toBase64(key), Metadata: metadata ?? "" });

/** Why a socket ends: close code (RFC 6455 clause 7.4; 4000 and above are ours) and reason. */
export const SOCKET_END = {
  drained: { code: 1000, reason: "the peer has closed the stream, and no key of it is left" },
  closed: { code: 1000, reason: "this application has closed the stream" },
  "bad-message": { code: 1008, reason: 'not a message like {"credits": 8, "received": 4}' },
  "too-many-credits": { code: 1008, reason: `more than ${LIMITS.streamCredits} credits` },
  failed: { code: 1011, reason: "a part of the key management system does not answer" },
  revoked: { code: 4401, reason: "the caller may not be here any more" },
  replaced: { code: 4001, reason: "another socket of this application has taken its place" },
  "no-connection": { code: 4004, reason: "no QKD connection between the two nodes" },
  "unknown-ksid": { code: 4009, reason: "the stream has expired" },
} as const;

export type SocketEnd = keyof typeof SOCKET_END;
