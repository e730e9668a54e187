/** What a hub keeps of a connection while it sleeps: in the socket's attachment, so at most 16 KiB and mostly ids. */
import type { RelaySnapshot } from "../../shared/mux/relay-window.ts";
import type { EnrolledAgent } from "../../shared/tunnel/types.ts";

/** An agent that has proved itself. */
export interface Member extends Pick<EnrolledAgent, "clockAheadMs" | "certificates"> {
  readonly kind: "member";
  /** Names what SQL keeps of this connection. */
  readonly id: string;
  readonly role: "owner" | "standby" | "peer";
  readonly agent: string;
  readonly site: string;
  readonly instance: string;
  readonly sinceMs: number;
  /** Of a peer; others have `SOCKET_SLOT`. */
  readonly slot: number;
  /** Does a QKD link join its site and the hub's? As its peers were told. */
  readonly linked: boolean;
  /**
   * Of a peer: until the pong with this token (hex), its frames belong to a session that is over. Of an owner: those to
   * the hub's own slot. Null: none is awaited.
   */
  readonly barrier: string | null;
  /** Of an owner: the hub itself has opened streams here. */
  readonly usedByHub: boolean;
  /** What waits towards it. */
  readonly window: RelaySnapshot;
}

/** Closed by the hub; the socket may still be there. */
export interface Gone {
  readonly kind: "gone";
}

export type Attachment = Member | Gone;
