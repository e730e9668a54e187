/** The two ends of a key stream: who may be which of them. */
import type { StreamEnd, StreamPeer } from "../etsi004/types.ts";
import type { SaeId } from "../ids.ts";
import type { EndState, StreamEndState } from "./streams.ts";

/** `lingers`: closed, and may still fetch what had been made before. */
export type SideState = EndState | "lingers";

export interface Side {
  /** Null: whoever at the node comes first. */
  readonly sae: SaeId | null;
  readonly node: StreamEnd["node"];
  readonly state: SideState;
}

export type Sides<S extends Side = Side> = readonly [S, S];
export type EndNumber = 0 | 1;
export const otherEnd = (end: EndNumber): EndNumber => (end === 0 ? 1 : 0);

/** Which end this application is; null: none that has been opened. */
export function endOf(sides: Sides, self: StreamEnd): EndNumber | null {
  const is = ({ sae, node, state }: Side) => state !== "absent" && sae === self.sae && node === self.node;
  return is(sides[0]) ? 0 : is(sides[1]) ? 1 : null;
}

/** Does `peer` say who that end is, or may be? */
export const fits = ({ sae, node }: StreamPeer, other: StreamPeer): boolean =>
  node === other.node && (sae === null || other.sae === null || sae === other.sae);

/** May this application be the end that nobody has opened yet? */
export const mayJoin = ([opener, absent]: Sides, self: StreamEnd, peer: StreamPeer): boolean =>
  absent.state === "absent" && fits(absent, self) && fits(peer, opener) && self.sae !== opener.sae;

export const isClosed = ({ state }: Side): boolean => state === "closed" || state === "lingers";
/** Are chunks being made, and is Min_bps kept for it? */
export const isRunning = (sides: Sides): boolean => !sides.some(isClosed);

export const endState = ({ sae, node, state }: Side): StreamEndState => ({
  sae,
  node,
  state: state === "lingers" ? "closed" : state,
});
