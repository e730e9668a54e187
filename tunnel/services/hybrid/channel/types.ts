/** What sessions need of the connections between agents. */
import type { PeerMessage } from "../../../../shared/hybrid/peer/messages.ts";
import type { Result } from "../../../../shared/result.ts";

/** One connection to the agent of another site: both have shown the sites' certificates. */
export interface PeerConnection {
  readonly site: string;
  /** By this agent, for sessions it initiates; else by the other one, for its own. */
  readonly dialled: boolean;
  /** Is there for public keys? They may have megabytes, and the way to the other agent may be slow. */
  hasRoom(): boolean;
  /** Never waits: an agent that reads nothing is hung up on. */
  send(message: PeerMessage): void;
  /** Because of what came over it. */
  hangUp(reason: string): void;
}

export interface PeerEvents {
  message(from: PeerConnection, message: PeerMessage): void;
  /** Nothing comes over it any more. */
  closed(connection: PeerConnection, reason: string): void;
}

/** Connections this agent has dialled are used for sessions it initiates; those of others, for theirs. */
export interface PeerChannel {
  /** The connection to that site's agent: the one there is, or a new one. The error is the reason, for a log. */
  reach(site: string, signal: AbortSignal): Promise<Result<PeerConnection, string>>;
  close(): void;
}
