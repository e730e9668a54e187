/** Between the Worker and a Room object. */
import type { Standing } from "../auth/standing.ts";
import type { NodeId, SaeId } from "../ids.ts";

/** Header in which the Worker tells a Room whose socket it is. */
export const ROOM_CALL_HEADER = "X-Qkd-Room-Socket";

export interface RoomCall {
  /** `principalName`. */
  readonly principal: string;
  readonly self: { readonly sae: SaeId; readonly node: NodeId };
  readonly peer: SaeId;
  readonly standing: Standing;
}

/** As a header has it: names of SAEs may hold any character, headers only ASCII. */
export const writeRoomCall = (call: RoomCall): string => encodeURIComponent(JSON.stringify(call));
export const readRoomCall = (header: string): RoomCall => JSON.parse(decodeURIComponent(header)) as RoomCall;

export interface RoomRpc {
  fetch(request: Request): Promise<Response>;
  /** The network has changed: somebody may have to go. */
  refresh(): Promise<void>;
}

/** Name of the Room object of two SAEs, whichever of them asks. Their ids may hold any character. */
export const roomName = (a: SaeId, b: SaeId): string => JSON.stringify(a < b ? [a, b] : [b, a]);
