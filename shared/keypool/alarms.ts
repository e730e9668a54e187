/**
 * What a pool wants an operator to look into. An alarm stands until its cause is gone or an operator clears it; each
 * is told to the audit log as well. Codes are stable: clients and scripts match them.
 */

/** code -> what it says. The subject names what it is about: a node, a block, a record ... */
export const POOL_ALARMS = {
  "twin-mismatch": "the two ends pushed different bytes under one block id",
  "twin-missing": "one end's blocks were given up because the other end never pushed theirs",
  "state-rolled-back": "the pool found itself older than what it had promised: material was voided",
  "halves-disagree": "the pool's half in another deployment does not agree on what was done with material",
  "other-half-behind": "the pool's half in another deployment has not answered for long: notices to it were dropped",
  "blocks-biased": "blocks fail their health tests: the device gives bits that can be guessed too well",
  "key-ids-probed": "somebody asks again and again for keys that are not theirs, or not there (any more)",
  stuck: "an item could not be worked off and was parked",
  "relay-short": "key could not be brought in over other nodes for a minute and more, and was asked for meanwhile",
  "epoch-overdue": "an old epoch key could not be destroyed yet: what it protects is not erased",
} as const satisfies Record<string, string>;

export type PoolAlarmCode = keyof typeof POOL_ALARMS;

export const isPoolAlarmCode = (text: string): text is PoolAlarmCode => Object.hasOwn(POOL_ALARMS, text);

/** One alarm of one pool. Holds no key material. */
export interface PoolAlarm {
  readonly code: PoolAlarmCode;
  readonly subject: string;
  readonly firstMs: number;
  readonly lastMs: number;
  /** How many times since `firstMs`. */
  readonly count: number;
  readonly detail: string;
}
