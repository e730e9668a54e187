/** From what a history says in numbers to what a pool is asked. */
import type { BlockId, KeyId, NodeId, PairName, SaeId } from "../../shared/ids.ts";
import type { DecKeysCall, EncKeysCall, Idempotency, Recipient } from "../../shared/keypool/types.ts";
import type { Push } from "./in-workerd-model-blocks.ts";
import { materialOf } from "./in-workerd-model-material.ts";
import { BLOCK_IDS, type End, type Operation, type Plot } from "./in-workerd-model-steps.ts";

export type Of<K extends Operation["do"]> = Extract<Operation, { readonly do: K }>;

/** Keys that were cut, whether or not their master was told. */
export interface Given {
  readonly keyIds: readonly KeyId[];
  readonly master: SaeId;
  readonly recipients: readonly Recipient[];
}

export interface Cast {
  readonly low: readonly Recipient[];
  readonly high: readonly Recipient[];
  /** At a node that another pool serves. */
  readonly outside: Recipient;
}

const STRANGER = "sae-x" as SaeId;
const UNKNOWN = "00000000-0000-4000-8000-000000000000" as KeyId;
/** Those given of late are asked for. */
const RECENT = 6;

export function castOf(pair: PairName): Cast {
  const [low, high] = pair.split("|") as [NodeId, NodeId];
  return {
    low: ["sae-a", "sae-a2"].map((sae) => ({ sae: sae as SaeId, node: low })),
    high: ["sae-b", "sae-c"].map((sae) => ({ sae: sae as SaeId, node: high })),
    outside: { sae: "sae-d" as SaeId, node: "n-3" as NodeId },
  };
}

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index % list.length];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
};

/** @param mask which of the two */
const some = (two: readonly Recipient[], mask: number): Recipient[] => two.filter((_, index) => (mask >> index) & 1);
const otherEnd = (end: End): End => (end === "low" ? "high" : "low");

export function pushesOf({ id, material, ends }: Of<"push">, { bytes }: Pick<Plot, "bytes">, cast: Cast): Push[] {
  const which = material ?? id;
  return ends.map((end) => ({
    id: at(BLOCK_IDS, id) as string as BlockId,
    node: at(cast[end], 0).node,
    material: materialOf(which, bytes[which] ?? 1),
  }));
}

export function encOf({ from, master, slaves, count, octets, again, importer }: Of<"enc">, cast: Cast): EncKeysCall {
  const { sae, node } = at(cast[from], master);
  const recipients = [...some(cast[otherEnd(from)], slaves), ...(importer === null ? [] : [cast.outside])];
  return {
    configVersion: 0,
    principal: `sae:${sae}`,
    master: sae,
    masterNode: node,
    recipients,
    count,
    sizeBits: octets * 8,
    ...idempotencyOf("enc", again),
  };
}

/** What another pool hands over: its path slave is at a node of its own. */
export function importOf({ slaves, count, octets }: Of<"import">, cast: Cast): EncKeysCall {
  const call = encOf({ do: "enc", from: "low", master: 0, slaves, count, octets, again: 0, importer: null }, cast);
  return { ...call, recipients: [cast.outside, ...call.recipients] };
}

export function decOf({ of, by, isStranger, isForged, again }: Of<"dec">, given: readonly Given[]): DecKeysCall {
  const recent = given.slice(-RECENT).toReversed();
  const picked = recent.length === 0 ? [] : of.map(({ record }) => at(recent, record));
  const keyIds = picked.flatMap((record, index) => {
    const { first = 0, keys = 1 } = of[index] ?? {};
    const from = first % record.keyIds.length;
    return record.keyIds.slice(from, from + keys);
  });
  const asked = keyIds.length === 0 ? [UNKNOWN] : [...new Set(keyIds)];
  if (isForged) asked.push(forged(asked[0] ?? UNKNOWN));
  const { recipients, master } = picked[0] ?? { recipients: [], master: STRANGER };
  const sae = isStranger || recipients.length === 0 ? STRANGER : at(recipients, by).sae;
  return {
    configVersion: 0,
    principal: `sae:${sae}`,
    sae,
    master,
    keyIds: asked,
    ...idempotencyOf("dec", again),
  };
}

/** An ID of the same batch that was never given out. */
function forged(keyId: KeyId): KeyId {
  const index = Number.parseInt(keyId.slice(-4), 16) ^ 0x1000;
  return `${keyId.slice(0, -4)}${index.toString(16).padStart(4, "0")}` as KeyId;
}

/** 1 and 2 are the same request under two keys, 3 and 4 other ones under the same. */
function idempotencyOf(what: string, again: number): { readonly idempotency?: Idempotency } {
  if (again === 0) return {};
  return { idempotency: { key: `again-${again % 2}`, requestDigest: `${what} ${again <= 2}` } };
}

export const saeOf = (sae: number, cast: Cast): SaeId => at([...cast.low, ...cast.high, cast.outside], sae).sae;
