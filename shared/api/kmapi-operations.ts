/** ETSI GS QKD 020: routes of key management systems of others that sit at our nodes. */
import * as v from "valibot";
import { AckContainersSchema } from "../etsi020/ack.ts";
import { VersionContainerSchema } from "../etsi020/versions.ts";
import { ExtKeyContainerSchema, VoidContainerSchema } from "../etsi020/wire.ts";
import { LIMITS } from "../limits.ts";
import { EXAMPLE_KEY_ID, json, jsonRequest, type Operation } from "./operation.ts";

const errors = ["forbidden", "body-too-large", "no-route", "audit-full", "not-enough-keys", "pool-full"] as const;
const accepted = json("Accepted: the acknowledgements go to the callback, an array of AckContainers", v.object({}));
const parties = { initiator_sae_id: "sae-x", target_sae_ids: ["sae-a"] };

export const KMAPI = {
  getKmapiVersions: {
    method: "get",
    path: "/kmapi/versions",
    tag: "Key hand-over",
    summary: "Tell the versions of the interoperable KMS API",
    action: "kmapi.use",
    faults: "problem",
    responses: { 200: json("VersionContainer", VersionContainerSchema) },
    errors: ["forbidden"],
    curl: "/kmapi/versions",
  },
  postExtKeys: {
    method: "post",
    path: "/kmapi/v1/ext_keys",
    tag: "Key hand-over",
    summary: "Hand over keys",
    description:
      "ETSI GS QKD 020: keys of an SAE behind the caller for SAEs here, who fetch them by dec_keys under the same IDs. With ack_callback_url the answer is 202 and the acknowledgements follow; without, they are the answer. The same keys again are acknowledged again; a key that was voided is not taken any more.",
    action: "kmapi.use",
    faults: "problem",
    request: jsonRequest("ExtKeyContainer", ExtKeyContainerSchema, {
      required: true,
      maxBytes: LIMITS.extKeysBodyBytes,
      example: { keys: [{ key_id: EXAMPLE_KEY_ID, value: "AAAAAAAAAAAAAAAAAAAAAA==" }], ...parties },
    }),
    responses: { 200: json("AckContainers: one for each target", AckContainersSchema), 202: accepted },
    errors: [...errors, "conflict"],
    curl: "/kmapi/v1/ext_keys -d @ext-keys.json",
  },
  postExtKeysAck: {
    method: "post",
    path: "/kmapi/v1/ext_keys/ack",
    tag: "Key hand-over",
    summary: "Acknowledge keys that were handed over by this side",
    description:
      "ETSI GS QKD 020: the callback of hand-overs to the caller, where its entry has an ack_url. What nobody waits for is passed over, as an acknowledgement never undoes a void.",
    action: "kmapi.use",
    faults: "problem",
    request: jsonRequest("AckContainers, in either form", AckContainersSchema, {
      required: true,
      maxBytes: LIMITS.extKeysBodyBytes,
      example: [
        {
          key_ids: [{ key_id: EXAMPLE_KEY_ID }],
          ack_status: "relayed",
          initiator_sae_id: "sae-a",
          target_sae_id: "sae-x",
        },
      ],
    }),
    responses: { 200: json("Heard", v.object({})) },
    errors: ["forbidden", "body-too-large"],
    curl: "/kmapi/v1/ext_keys/ack -d @acks.json",
  },
  postExtKeysVoid: {
    method: "post",
    path: "/kmapi/v1/ext_keys/void",
    tag: "Key hand-over",
    summary: "Take keys back",
    description:
      "ETSI GS QKD 020: keys that their targets have not fetched; an ID that is not known here yet will not be taken. Answered as the hand-over is.",
    action: "kmapi.use",
    faults: "problem",
    query: {
      all_confirmation: {
        type: "string",
        description: "true: all keys of the initiator for these targets, without key_ids; in later drafts a member.",
      },
    },
    request: jsonRequest("VoidContainer", VoidContainerSchema, {
      required: true,
      maxBytes: LIMITS.jsonBodyBytes,
      example: { key_ids: [{ key_id: EXAMPLE_KEY_ID }], ...parties },
    }),
    responses: { 200: json("AckContainers", AckContainersSchema), 202: accepted },
    errors,
    curl: "/kmapi/v1/ext_keys/void -d @void.json",
  },
} as const satisfies Record<string, Operation>;
