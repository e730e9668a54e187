/** AckContainer: what became of keys, one for each target and status. */
import * as v from "valibot";
import type { KeyId, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";

export const ACK_STATUSES = ["relayed", "failed", "voided", "key not present", "failed to void"] as const;
export type AckStatus = (typeof ACK_STATUSES)[number];

/** The forms in which published implementations of V1.1.1 write it. */
export const FORMS = ["key_id", "key_id_container"] as const;
export type Form = (typeof FORMS)[number];

export interface Ack {
  readonly status: AckStatus;
  readonly initiator: SaeId;
  readonly target: SaeId;
  readonly keyIds: readonly KeyId[];
  /** Why not, for people. */
  readonly message?: string;
}

const keyIds = v.array(v.looseObject({ key_id: v.string() }));

/** As on the wire, in either form. */
export const AckContainersSchema = v.array(
  v.looseObject({
    key_ids: v.optional(keyIds),
    key_id_container: v.optional(keyIds),
    ack_status: v.picklist(ACK_STATUSES),
    initiator_sae_id: v.string(),
    target_sae_id: v.optional(v.string()),
    target_sae_ids: v.optional(v.array(v.string())),
    message: v.optional(v.string()),
  }),
);

/** The body of an acknowledgement: an array, of as many containers as it takes for none to have too many keys. */
export const writeAcks = (acks: readonly Ack[], form: Form): v.InferOutput<typeof AckContainersSchema> =>
  acks.flatMap((ack) => inParts(ack).map((part) => WRITERS[form](part)));

const WRITERS = {
  key_id: ({ status, initiator, target, keyIds: ids, message }: Ack) => ({
    key_ids: ids.map((id) => ({ key_id: id })),
    ack_status: status,
    initiator_sae_id: initiator,
    target_sae_id: target,
    ...(message === undefined ? {} : { message }),
  }),
  key_id_container: ({ status, initiator, target, keyIds: ids, message }: Ack) => ({
    key_id_container: ids.map((id) => ({ key_id: id })),
    ack_status: status,
    initiator_sae_id: initiator,
    target_sae_ids: [target],
    ...(message === undefined ? {} : { message }),
  }),
} as const satisfies Record<Form, (ack: Ack) => object>;

function inParts(ack: Ack): Ack[] {
  const parts: Ack[] = [];
  for (let from = 0; from === 0 || from < ack.keyIds.length; from += LIMITS.extKeys) {
    parts.push({ ...ack, keyIds: ack.keyIds.slice(from, from + LIMITS.extKeys) });
  }
  return parts;
}

/** What became of one key for one target, gathered into acknowledgements: in the order of first mention. */
export function gatherAcks(
  initiator: SaeId,
  outcomes: readonly { readonly target: SaeId; readonly keyId: KeyId; readonly status: AckStatus }[],
): Ack[] {
  const groups = Map.groupBy(outcomes, ({ target, status }) => JSON.stringify([target, status]));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [{ status: first.status, initiator, target: first.target, keyIds: group.map((each) => each.keyId) }];
  });
}
