/** What a deployment's alarms are judged by: gathered with each sample of the Monitor. */
import type { ALARM_OBJECTS, MonitorView } from "../api/monitor-schemas.ts";
import type { AuditFault } from "../audit/faults.ts";
import type { TunnelStatus } from "../tunnel/types.ts";

/** What an alarm is of: an entity of the view by its id, a node's IPsec host by the node's, or the deployment. */
export interface AlarmOf {
  readonly kind: (typeof ALARM_OBJECTS)[number];
  readonly id: string;
}

/** Id of the one `deployment`. */
export const DEPLOYMENT: AlarmOf = { kind: "deployment", id: "deployment" };

/** An object's own standing alarm: of a pool, a QKD module, a node, an IPsec host or a site's hub. */
export interface ObjectAlarm {
  readonly code: string;
  readonly subject: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
  readonly detail: string;
}

/** The alarms that the objects of an entity have told with a sample. */
export interface Told {
  readonly of: AlarmOf;
  readonly alarms: readonly ObjectAlarm[];
  /** All its objects have answered: what is not told is gone. */
  readonly isWhole: boolean;
}

/** A certificate that somebody shows, or a site's agent has. */
export interface CertificateFact {
  readonly of: AlarmOf;
  /** Whose: a principal, or an agent. */
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A webhook whose messages do not arrive. */
export interface FailingWebhook {
  readonly webhook: string;
  readonly detail: string;
}

/** Amiss with an audit log, by the log's name. */
export interface LogFault extends AuditFault {
  readonly log: string;
}

/** What the Monitor gathers. */
export interface Sample {
  readonly view: Pick<MonitorView, "nodes" | "links" | "pairs" | "sites">;
  /** False: nobody has told so far which pools of relayed key there are, and `pairs` has none. */
  readonly arePairsKnown: boolean;
  readonly told: readonly Told[];
  /** Of the hubs that have answered. */
  readonly hubs: readonly Pick<TunnelStatus, "site" | "servedMs" | "agents">[];
  readonly faults: readonly LogFault[];
  /** Logs that have not answered since this began to ask: what is amiss with them is not known. */
  readonly unheardLogs: readonly string[];
}

/** With what the alarms' own part knows. */
export interface Facts extends Sample {
  readonly certificates: readonly CertificateFact[];
  readonly failingWebhooks: readonly FailingWebhook[];
  /** New alarms that there is no room for. */
  readonly leftOut: number;
  /** The deployment has the secret that its keys of signature are derived from. */
  readonly hasIdentity: boolean;
  readonly nowMs: number;
}
