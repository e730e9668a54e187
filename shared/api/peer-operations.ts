/** Routes between deployments that host nodes of one network, and what their operators tell each other once. */
import * as v from "valibot";
import { PublicKeysSchema } from "../auth/double-signature.ts";
import { LIMITS } from "../limits.ts";
import { PlainIdSchema } from "../network/plain-id.ts";
import { AnswerSchema, PEER_HEADER } from "../peers/letter.ts";
import { json, type Operation } from "./operation.ts";

const node = { node: "Node hosted by this deployment." };

/** As `nodes[].remote` of the other deployment's network document wants them. */
export const NodeIdentitySchema = v.object({
  node: PlainIdSchema,
  ed25519: PublicKeysSchema.entries.ed25519,
  ml_dsa_65: PublicKeysSchema.entries.mlDsa65,
});

export const PEERS = {
  getNodeIdentity: {
    method: "get",
    path: "/api/v1/nodes/{node}/identity",
    tag: "Network",
    summary: "Tell the public keys of a node",
    description:
      "By them other deployments know the node: their operators write them into `nodes[].remote` of their network document. A conflict where this deployment has no identity.",
    action: "network.read",
    pathParameters: node,
    responses: { 200: json("The node's public keys, base64", NodeIdentitySchema) },
    errors: ["forbidden", "not-found", "conflict"],
    curl: "/api/v1/nodes/tn-1/identity",
  },
  postPeerQuestion: {
    method: "post",
    path: "/api/v1/peers/{node}/{question}",
    tag: "Peers",
    summary: "Ask a node, as a node of another deployment",
    description:
      "Steps of a relay, the end of one, advertisements, what the halves of a pool tell each other, and keys of a multicast under one-time pad. Signed both ways, by the keys in the network documents: see docs/authentication.md. Whatever the node says to a question that was heard, the status is 200.",
    action: null,
    pathParameters: { ...node, question: "step, void, void-all, compare, advertise, half, import or void-import." },
    headers: {
      [PEER_HEADER]: {
        type: "string",
        required: true,
        description:
          "JSON: who asks whom what and when, the digest of the body, signed by a session of the asking node; the session, signed by both of its keys.",
      },
    },
    request: {
      description: "The question, JSON",
      contentType: "application/json",
      required: true,
      maxBytes: LIMITS.peerQuestionBytes,
    },
    responses: { 200: json("The answer, signed; its body is JSON text", AnswerSchema) },
    errors: [
      "unauthorised",
      "not-found",
      "body-too-large",
      "unsupported-media-type",
      "directory-unavailable",
      "unavailable",
    ],
    curl: `/api/v1/peers/tn-1/advertise -H '${PEER_HEADER}: ...' -d @question.json`,
  },
} as const satisfies Record<string, Operation>;
