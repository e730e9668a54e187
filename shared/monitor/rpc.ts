/** Between the Worker, the Directory and the Monitor object. */
import type { MonitorHistory, MonitorView } from "../api/monitor-schemas.ts";
import type { Standing } from "../auth/standing.ts";
import type { Fault } from "../errors/errors.ts";
import type { Result } from "../result.ts";
import type { MetricsRpc } from "../metrics/tally.ts";
import type { AlarmsRpc } from "./alarm-rpc.ts";

/** Header in which the Worker tells the Monitor whose live socket it is. */
export const LIVE_CALL_HEADER = "X-Qkd-Live-Socket";

export interface LiveCall {
  /** `principalName` of an operator. */
  readonly principal: string;
  readonly self: null;
  readonly standing: Standing;
  /** SHA-256 of the id of the session it came by; null: by none. */
  readonly sessionSha256: string | null;
}

/** As a header has it: names may hold any character, headers only ASCII. */
export const writeLiveCall = (call: LiveCall): string => encodeURIComponent(JSON.stringify(call));
export const readLiveCall = (header: string): LiveCall => JSON.parse(decodeURIComponent(header)) as LiveCall;

export interface HistoryCall {
  readonly of: string;
  readonly figure: string;
  /** Null: the last hour. */
  readonly sinceMs: number | null;
}

/** One a deployment. */
export interface MonitorRpc extends AlarmsRpc, MetricsRpc {
  /** A live socket, with `LIVE_CALL_HEADER`. */
  fetch(request: Request): Promise<Response>;
  /** The deployment as it is: a second old at most, but for objects that do not answer. `directory-unavailable` */
  view(): Promise<Result<MonitorView, Fault>>;
  history(call: HistoryCall): Promise<MonitorHistory>;
  /** The Directory's nudge after a change. @throws where it could not come along */
  refresh(): Promise<void>;
  /** An operator's session is over: so are the sockets that came by it. */
  endSession(sessionSha256: string): Promise<void>;
}
