import type { BlockId } from "../ids.ts";
import type { RelayId } from "./types.ts";

/** The block that both ends make of a relayed key, in the pool it is for: its twins are compared there. */
export const blockOfRelay = (relay: RelayId): BlockId => `relay:${relay}` as BlockId;
