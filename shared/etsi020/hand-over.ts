/** Keys of ours that go to another KMS: what it is told, and what its acknowledgements make of them. Pure. */
import { toBase64 } from "../bytes/base64.ts";
import type { JsonValue } from "../errors/errors.ts";
import { fail, type Fault } from "../errors/errors.ts";
import { parseShape } from "../errors/members.ts";
import type { KeyId, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { type Ack, AckContainersSchema, type Form } from "./ack.ts";

/** Of keys that are handed over together. */
export interface Parties {
  readonly initiator: SaeId;
  readonly target: SaeId;
  readonly keyIds: readonly KeyId[];
}

export interface Handed extends Parties {
  readonly sizesBytes: readonly number[];
  /** The keys, one after the other. */
  readonly bytes: Uint8Array;
}

/** JSON of an ExtKeyContainer, which is the same in both forms. @param ackUrl null: synchronous mode */
export function writeExtKeys({ initiator, target, keyIds, sizesBytes, bytes }: Handed, ackUrl: string | null): string {
  let at = 0;
  const keys = keyIds.map((id, index) => {
    const from = at;
    at += sizesBytes[index] ?? 0;
    return { key_id: id, value: toBase64(bytes.subarray(from, at)) };
  });
  const callback = ackUrl === null ? {} : { ack_callback_url: ackUrl };
  return JSON.stringify({ keys, initiator_sae_id: initiator, target_sae_ids: [target], ...callback });
}

/** JSON of a VoidContainer. Nobody waits for its acknowledgement: it goes until it is taken. */
export function writeVoid({ initiator, target, keyIds }: Parties, form: Form, ackUrl: string | null): string {
  const ids = form === "key_id" ? keyIds.map((id) => ({ key_id: id })) : keyIds;
  const callback = ackUrl === null ? {} : { ack_callback_url: ackUrl };
  return JSON.stringify({ key_ids: ids, initiator_sae_id: initiator, target_sae_ids: [target], ...callback });
}

/** Acknowledgements in either form, one a target. @returns `bad-request` */
export function readAcks(body: JsonValue): Result<readonly Ack[], Fault> {
  const parsed = parseShape(AckContainersSchema, body, "the AckContainers");
  if (!parsed.ok) return parsed;
  const acks: Ack[] = [];
  for (const [index, container] of parsed.value.entries()) {
    const {
      key_ids: ids = [],
      key_id_container: others = [],
      target_sae_id: one,
      target_sae_ids: more = [],
    } = container;
    const keyIds = [...ids, ...others].map(({ key_id: id }) => id.toLowerCase() as KeyId);
    const targets = one === undefined ? more : [one, ...more];
    if (targets.length === 0) return fail("bad-request", `${index}.target_sae_id: is missing`);
    if (keyIds.length > LIMITS.extKeys) return fail("bad-request", `${index}.key_ids: more than ${LIMITS.extKeys}`);
    const { ack_status: status, initiator_sae_id: initiator } = container;
    acks.push(...targets.map((target) => ({ status, initiator: initiator as SaeId, target: target as SaeId, keyIds })));
  }
  return ok(acks);
}

/**
 * What is known of a hand-over: `relayed` once each of its keys is; `failed` with the first that is anything else. It
 * stays what it is then, whatever else is heard.
 */
export class HandOver {
  readonly #parties: Parties;
  readonly #missing: Set<KeyId>;
  #failed = false;

  constructor(parties: Parties) {
    this.#parties = parties;
    this.#missing = new Set(parties.keyIds);
  }

  get outcome(): "waiting" | "relayed" | "failed" {
    if (this.#failed) return "failed";
    return this.#missing.size === 0 ? "relayed" : "waiting";
  }

  /** Acknowledgements of other keys, initiators or targets are none of this one's. */
  heard({ status, initiator, target, keyIds }: Ack): void {
    if (this.outcome !== "waiting" || initiator !== this.#parties.initiator || target !== this.#parties.target) return;
    const mine = keyIds.filter((id) => this.#missing.has(id));
    if (status !== "relayed" && mine.length > 0) this.#failed = true;
    else for (const id of mine) this.#missing.delete(id);
  }
}
