/** Every case of ETSI GS QKD 014, in the order they are run: those that empty a pool come last. */
import { DEC_KEYS } from "./dec-keys.ts";
import { DEC_OTHERS } from "./dec-others.ts";
import { DRAINING } from "./draining.ts";
import { ENC_KEYS } from "./enc-keys.ts";
import { ENC_REFUSALS } from "./enc-refusals.ts";
import type { Etsi014Case } from "./etsi014-case.ts";
import { MULTICAST } from "./multicast.ts";
import { STATUS } from "./status.ts";
import { TRANSPORT } from "./transport.ts";

const byId = (cases: readonly Etsi014Case[]): readonly Etsi014Case[] =>
  cases.toSorted((x, y) => (x.id < y.id ? -1 : 1));

export const ETSI014_CASES: readonly Etsi014Case[] = [
  ...TRANSPORT,
  ...STATUS,
  ...byId([...ENC_KEYS, ...ENC_REFUSALS]),
  ...byId([...DEC_KEYS, ...DEC_OTHERS]),
  ...MULTICAST,
  ...DRAINING,
];
