/** What somebody should look into at a node that relays: codes of its standing alarms. */
import { FLOOD_ALARMS, type FloodAlarmCode } from "../routing/flood/types.ts";

/** code -> what it says. Codes are stable. */
const RELAY_ALARMS = {
  "relay-forged": "a message of a relay bears a wrong tag: it was forged or changed on the way",
  "relay-unequal":
    "the two ends of a relay, in different deployments, have got different keys: a node between has passed on another",
  "relay-bits-wrong": "a link's pool has given another number of bits than a relay asked it for",
} as const;

export type NodeAlarmCode = FloodAlarmCode | keyof typeof RELAY_ALARMS;
export const NODE_ALARMS: Readonly<Record<NodeAlarmCode, string>> = { ...FLOOD_ALARMS, ...RELAY_ALARMS };

export const isNodeAlarmCode = (code: string): code is NodeAlarmCode => Object.hasOwn(NODE_ALARMS, code);

/** One standing alarm of a node. */
export interface NodeAlarm {
  readonly code: NodeAlarmCode;
  readonly subject: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
  readonly detail: string;
}
