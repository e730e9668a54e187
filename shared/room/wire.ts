/**
 * What goes over a room's WebSockets. Binary: a frame for the peer, which the room does not look into. Text: JSON between
 * a client and the room, as below.
 */
import * as v from "valibot";
import { parseJson } from "../bytes/json.ts";
import { BROWSERS } from "../limits-browsers.ts";

/** Subprotocol (RFC 6455 1.9) of the WebSocket. */
export const ROOM_PROTOCOL = "qkdedge.room.v1";

/** From the room: is the peer there; and so many more bytes of frames may be sent. The first credit comes with the welcome. */
export type RoomMessage =
  | { readonly type: "peer"; readonly present: boolean }
  | { readonly type: "credit"; readonly bytes: number };

/** From a client, to be answered at once, by the platform alone: in these characters and no others. */
export const PING = '{"type":"ping"}';
export const PONG = '{"type":"pong"}';

/** From a client: so many bytes of frames that it was sent have been dealt with. */
const TakenSchema = v.strictObject({
  type: v.literal("taken"),
  bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
});
export type ClientMessage = v.InferOutput<typeof TakenSchema>;

/** @returns null for anything else */
export function readClientMessage(text: string): ClientMessage | null {
  if (text.length > BROWSERS.roomTextChars) return null;
  const json = parseJson(text, 1);
  const parsed = json.ok ? v.safeParse(TakenSchema, json.value) : null;
  return parsed?.success === true ? parsed.output : null;
}

export const writeRoomMessage = (message: RoomMessage): string => JSON.stringify(message);

/** Why a socket ends: close code (RFC 6455 7.4; 4000 and above are ours) and reason. */
export const ROOM_END = {
  "bad-message": { code: 1008, reason: 'not a message like {"type":"taken","bytes":65536}' },
  "bad-taken": { code: 1008, reason: "more was said to be taken than was sent" },
  "no-credit": { code: 1008, reason: "more was sent than there was credit for" },
  "too-small": { code: 1008, reason: `a frame of less than ${BROWSERS.roomFrameMinBytes} bytes is not sealed` },
  "too-large": { code: 1009, reason: `a frame has ${BROWSERS.roomFrameBytes} bytes at most` },
  failed: { code: 1011, reason: "a part of the key management system does not answer" },
  silent: { code: 4002, reason: "no ping has come for a while" },
  replaced: { code: 4001, reason: "another socket of this SAE has taken its place" },
  revoked: { code: 4401, reason: "the caller may not be here any more" },
} as const;

export type RoomEnd = keyof typeof ROOM_END;
