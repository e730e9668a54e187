/** Every code that an alarm of the deployment may have, and how grave it is. Codes are stable: scripts match them. */
import { PROXY_ALARMS } from "../ipsec/alarms.ts";
import { POOL_ALARMS } from "../keypool/alarms.ts";
import { MODULE_ALARMS } from "../qkd-module/alarms.ts";
import { NODE_ALARMS } from "../relay/alarms.ts";
import { TUNNEL_ALARMS } from "../tunnel/types.ts";
import type { AlarmOf } from "./alarm-facts.ts";
import type { Severity } from "./severities.ts";

/** What the Monitor itself sees: code -> what it says. */
export const SEEN_ALARMS = {
  "pool-empty": "no key is left, and none is given out",
  "pool-low": "the key that is left is below the low watermark, or below a quarter of what is kept at hand",
  "link-down": "no key comes over the link, and relays go around it",
  "qber-high": "errors on the quantum channel come near to what no key survives",
  "not-conserved": "the ledger does not add up: bits are in no state, or in two",
  "tunnel-down": "nothing is heard of any agent of the site",
  "no-answer": "the objects do not answer: nothing is known of it",
  "certificate-expiring": "a certificate that is in use ends soon",
  "certificate-expired": "a certificate that was in use of late has ended",
  "clock-skew": "the clock of the site's agent differs from the edge's by more than certificates and tokens bear",
  "audit-fault": "an audit log lacks events, or has some that it should not",
  "alarms-dropped": "there are more alarms than are kept: new ones are left out, and nobody is told of them",
  "no-identity": "the secret QKD_IDENTITY_SEED is not set: nothing is signed in the deployment's name",
  "webhook-failing": "messages to a webhook do not arrive",
} as const satisfies Record<string, string>;
export type SeenAlarmCode = keyof typeof SEEN_ALARMS;

/** Code -> what it says, whoever raises it. `stuck` is of pools and hubs. */
const MEANINGS: Readonly<Record<string, string>> = {
  ...TUNNEL_ALARMS,
  ...PROXY_ALARMS,
  ...NODE_ALARMS,
  ...MODULE_ALARMS,
  ...POOL_ALARMS,
  ...SEEN_ALARMS,
};

const SEVERITIES: Readonly<Record<AlarmCode, Severity>> = {
  "pool-empty": "critical",
  "pool-low": "warning",
  "link-down": "critical",
  "qber-high": "warning",
  "not-conserved": "critical",
  "tunnel-down": "critical",
  "no-answer": "warning",
  "certificate-expiring": "warning",
  "certificate-expired": "critical",
  "clock-skew": "warning",
  "audit-fault": "critical",
  "alarms-dropped": "warning",
  "no-identity": "info",
  "webhook-failing": "warning",
  // pools
  "twin-mismatch": "critical",
  "twin-missing": "warning",
  "state-rolled-back": "critical",
  "halves-disagree": "critical",
  "other-half-behind": "warning",
  stuck: "warning",
  "relay-short": "warning",
  "epoch-overdue": "warning",
  "blocks-biased": "critical",
  "key-ids-probed": "critical",
  // QKD modules
  "qber-above-bound": "critical",
  "authentication-failed": "critical",
  "module-no-key": "warning",
  "module-peer-silent": "warning",
  "module-mismatch": "warning",
  "module-peer-changed": "critical",
  "module-openings-refused": "critical",
  "module-unsettled": "warning",
  "module-refused": "warning",
  // nodes that relay
  "relay-forged": "critical",
  "relay-unequal": "critical",
  "relay-bits-wrong": "warning",
  "advertisement-forged": "critical",
  "advertisement-conflict": "critical",
  "advertisement-no-room": "warning",
  "advertisement-cut-short": "warning",
  "sae-not-allowed": "warning",
  "sae-claimed-twice": "critical",
  // IPsec hosts
  "rekey-failed": "warning",
  "not-deleted": "warning",
  "sequence-overflow": "warning",
  // sites
  "other-instance": "warning",
  "too-much": "warning",
  "bad-signature": "critical",
  "not-confirmed": "critical",
  "seed-fallback": "warning",
};

export type AlarmCode =
  | SeenAlarmCode
  | keyof typeof POOL_ALARMS
  | keyof typeof MODULE_ALARMS
  | keyof typeof NODE_ALARMS
  | keyof typeof PROXY_ALARMS
  | keyof typeof TUNNEL_ALARMS;

export const ALARM_CODES = Object.keys(SEVERITIES) as AlarmCode[];

const isAlarmCode = (code: string): code is AlarmCode => Object.hasOwn(SEVERITIES, code);

/** A code that an object of a later release raises is worth a look. */
export const severityOf = (code: string): Severity => (isAlarmCode(code) ? SEVERITIES[code] : "warning");

const IN_TWO_TABLES: Readonly<Record<string, string>> = { "stuck site": TUNNEL_ALARMS.stuck };

export const meaningOf = (code: string, { kind }: Pick<AlarmOf, "kind">): string =>
  IN_TWO_TABLES[`${code} ${kind}`] ?? MEANINGS[code] ?? code;
