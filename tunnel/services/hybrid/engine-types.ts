/** What the agent gives whoever makes hybrid keys, and what it asks of it. */
import type { Ksid } from "../../../shared/etsi004/types.ts";
import type { Result } from "../../../shared/result.ts";
import type { Send } from "../../feeds/edge.ts";
import type { Log } from "../../log.ts";
import type { ActingFor, Ask } from "../etsi004/as-agent.ts";
import type { PeerChannel, PeerEvents } from "./channel/types.ts";
import type { Application } from "./agreement.ts";
import type { HybridConfig } from "./config.ts";
import type { HybridFailure } from "./failure.ts";
import type { HybridSession } from "./session/session.ts";
import type { OpenHybrid } from "./wish.ts";

export interface EngineParts {
  /** The own one. */
  readonly site: string;
  readonly config: HybridConfig;
  readonly channel: PeerChannel;
  /** Requests to the edge on behalf of an application of this site. */
  readonly askFor: (acting: ActingFor) => Ask;
  /** Requests to the edge in the agent's own name. */
  readonly send: Send;
  readonly log: Log;
}

/** Hybrid streams, for whichever application of this agent's. */
export interface HybridOpener {
  open(
    asked: OpenHybrid,
    own: Pick<Application, "sae" | "node">,
    signal: AbortSignal,
  ): Promise<Result<HybridSession, HybridFailure>>;
  /** @returns null where there is none of this application's */
  sessionOf(ksid: Ksid, own: Pick<Application, "sae" | "node">): HybridSession | null;
  closeSession(session: HybridSession): void;
}

export interface Engine extends PeerEvents {
  readonly streams: HybridOpener;
  /** Ends every session; the channel is still open. */
  close(): void;
}

/** Nothing comes over the channel, and nothing is asked, before it has returned. */
export type MakeEngine = (parts: EngineParts) => Engine;
