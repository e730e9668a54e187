/**
 * The head of a message: 20 bytes, big-endian, covered by the tags as the body is.
 *
 * | bytes | what |
 * |---|---|
 * | 0 | protocol version |
 * | 1 | type |
 * | 2 | direction: 0 from Alice, 1 from Bob |
 * | 3 | phase: 0 estimation, 1 correction, 2 amplification |
 * | 4-11 | block |
 * | 12-15 | number of the message in its block and direction, from 0 |
 * | 16-19 | bytes of the body |
 */
import { LIMITS } from "../../limits.ts";
import { type Direction, DIRECTIONS, type Point, POINTS } from "../authentication/points.ts";

export const PROTOCOL_VERSION = 1;
export const HEAD_BYTES = 20;

const A = "alice-to-bob";
const B = "bob-to-alice";

interface Rule {
  readonly wire: number;
  readonly from: readonly Direction[];
  readonly phases: readonly Point[];
  readonly maxBytes: number;
}
const rule = (wire: number, from: Direction, phase: Point, maxBytes: number): Rule => ({
  wire,
  from: [from],
  phases: [phase],
  maxBytes,
});

const SEED_BYTES = 32;
const COUNT_BYTES = 4;
const COUNTS_BYTES = COUNT_BYTES * LIMITS.bb84Intensities;
/** Above what the longest signature takes (SLH-DSA-256f: 49,856 bytes). */
const TAG_BYTES = 50_000;

/** Every type once: its number, who sends it and when, and how long its body may be. */
export const MESSAGE_TYPES = {
  open: rule(1, A, "estimation", 256),
  detections: rule(2, B, "estimation", LIMITS.bb84MessageBytes),
  sifting: rule(3, A, "estimation", COUNT_BYTES + LIMITS.bb84Detections / 4),
  "test-bits": rule(4, B, "estimation", COUNT_BYTES + LIMITS.bb84Detections / 8),
  estimate: rule(5, A, "estimation", COUNTS_BYTES + COUNT_BYTES + SEED_BYTES),
  question: rule(6, B, "correction", LIMITS.cascadeRequestBytes),
  answer: rule(7, A, "correction", LIMITS.bb84KeyBits / 8),
  corrected: rule(8, B, "correction", 0),
  verification: rule(9, A, "correction", 32),
  verdict: rule(10, B, "correction", 1 + COUNTS_BYTES),
  amplification: rule(11, A, "amplification", 3 * COUNT_BYTES + LIMITS.bb84KeyBits / 4),
  accepted: rule(12, B, "amplification", 0),
  settlement: rule(13, A, "amplification", 16),
  tag: { wire: 14, from: DIRECTIONS, phases: POINTS, maxBytes: TAG_BYTES },
  abort: { wire: 15, from: DIRECTIONS, phases: POINTS, maxBytes: 1 + TAG_BYTES },
} as const satisfies Record<string, Rule>;
export type MessageType = keyof typeof MESSAGE_TYPES;

const TYPES_BY_WIRE = new Map<number, MessageType>(
  Object.entries(MESSAGE_TYPES).map(([type, { wire }]) => [wire, type as MessageType]),
);

/** The phase a message belongs to; tags and aborts say theirs. */
export const phaseOf = (type: Exclude<MessageType, "tag" | "abort">): Point => MESSAGE_TYPES[type].phases[0] as Point;

/** Of a head: all that a tag covers of the message that carries it, as its own length comes after it. */
export const TAGGED_HEAD_BYTES = 16;

export const BODY_LENGTH_AT = 16;

/** How long the body of a message may be, by its type; -1 for bytes that do not begin as a message does. */
export function maxBodyBytes(message: Uint8Array): number {
  const type = message[0] === PROTOCOL_VERSION ? TYPES_BY_WIRE.get(message[1] ?? 0) : undefined;
  return type === undefined ? -1 : MESSAGE_TYPES[type].maxBytes;
}

export interface Head {
  readonly type: MessageType;
  readonly from: Direction;
  readonly phase: Point;
  readonly block: number;
  readonly number: number;
}

/** Head and body in one. */
export function sealed(head: Head, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEAD_BYTES + body.length);
  const view = new DataView(message.buffer);
  message[0] = PROTOCOL_VERSION;
  message[1] = MESSAGE_TYPES[head.type].wire;
  message[2] = DIRECTIONS.indexOf(head.from);
  message[3] = POINTS.indexOf(head.phase);
  view.setBigUint64(4, BigInt(head.block));
  view.setUint32(12, head.number);
  view.setUint32(BODY_LENGTH_AT, body.length);
  message.set(body, HEAD_BYTES);
  return message;
}

/** @returns the head of a whole message, or null for what cannot be one. A channel with many blocks sorts by it. */
export function headOf(message: Uint8Array): Head | null {
  if (message.length < HEAD_BYTES || message[0] !== PROTOCOL_VERSION) return null;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const type = TYPES_BY_WIRE.get(view.getUint8(1));
  const from = DIRECTIONS[view.getUint8(2)];
  const phase = POINTS[view.getUint8(3)];
  const block = Number(view.getBigUint64(4));
  const bodyBytes = view.getUint32(BODY_LENGTH_AT);
  if (type === undefined || from === undefined || phase === undefined) return null;
  const { from: senders, phases, maxBytes }: Rule = MESSAGE_TYPES[type];
  if (!senders.includes(from) || !phases.includes(phase) || bodyBytes > maxBytes) return null;
  if (!Number.isSafeInteger(block) || block < 1 || message.length !== HEAD_BYTES + bodyBytes) return null;
  return { type, from, phase, block, number: view.getUint32(12) };
}
