/**
 * What hub and agent say to each other beside the frames (shared/mux). An agent asks for a nonce by HTTP and sends its
 * hello in the request for the WebSocket, so that there is a socket only for who has proved itself; the rest is JSON in
 * text messages of that socket: the hub's welcome first, the owner's services.
 */
import * as v from "valibot";
import { base64Of, PublicKeysSchema, SignaturesSchema } from "../auth/double-signature.ts";
import { LIMITS } from "../limits.ts";
import { PlainIdSchema } from "../network/plain-id.ts";
import { ALLOW_WORDS, ServiceSchema } from "./services.ts";

export type { PublicKeys } from "../auth/double-signature.ts";

/** Answered by the runtime without waking the hub. */
export const PING_TEXT = "ping";
export const PONG_TEXT = "pong";

/** `owner`: serves its own site. `peer`: wants to reach this site's services. */
export const ROLES = ["owner", "peer"] as const;
export type TunnelRole = (typeof ROLES)[number];

const uuid = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/));

export const NONCE_BYTES = 32;

/** The answer to `POST /api/v1/sites/{site}/tunnel/nonces`: good for one hello at that hub, for a short time. */
export const NonceSchema = v.strictObject({ nonce: base64Of(NONCE_BYTES) });

/** Body of `POST /api/v1/sites/{site}/agents`, made with the agent's one-time token: see enrolment in docs/tunnel.md. */
export const EnrolmentSchema = v.strictObject({ instance: uuid, keys: PublicKeysSchema });
export type Enrolment = v.InferOutput<typeof EnrolmentSchema>;
/** The answer: whose token it was, by which name the agent introduces itself from then on. */
export const EnrolledSchema = v.strictObject({ agent: PlainIdSchema });
export type Enrolled = v.InferOutput<typeof EnrolledSchema>;

export const ServicesSchema = v.pipe(v.array(ServiceSchema), v.maxLength(LIMITS.tunnelServices));

/** All of a hello but its signatures: this is what is signed (hello.ts). */
export const ClaimsSchema = v.strictObject({
  version: v.literal(1),
  /** The agent's id in the network document, and its own site. */
  agent: PlainIdSchema,
  site: PlainIdSchema,
  /** Of this installation of the agent: made once, kept with its keys. */
  instance: uuid,
  role: v.picklist(ROLES),
  /** May wait until no other instance serves the site. */
  standby: v.boolean(),
});
export type Claims = v.InferOutput<typeof ClaimsSchema>;

/** JSON in this header of the request for the WebSocket: 5 kB, within the 8 KiB that proxies allow one header. */
export const HELLO_HEADER = "QKD-Tunnel-Hello";
export const HelloSchema = v.strictObject({
  nonce: base64Of(NONCE_BYTES),
  claims: ClaimsSchema,
  signatures: SignaturesSchema,
});
export type Hello = v.InferOutput<typeof HelloSchema>;

/** What an owner exposes: the first thing it says on its socket, and again when it exposes other things. */
export const ServicesMessageSchema = v.strictObject({ type: v.literal("services"), services: ServicesSchema });
export type ServicesMessage = v.InferOutput<typeof ServicesMessageSchema>;

/** Why an agent is refused, at the door or later. The same words stand in its log. */
export const REFUSALS = {
  "not-enrolled": "no keys of this instance are known: enrol it with a new token",
  "bad-signature": "the signatures do not fit the keys this instance enrolled with, or the address it was told",
  "bad-message": "the agent does not speak this version of the protocol",
  stale: "the nonce that was signed is not known here, has been used, or is too old",
  revoked: "the agent is revoked, or the network knows it no more",
  "wrong-site": "the agent belongs to another site",
  "other-instance": "another instance serves this site",
  changed: "what the agent may open here has changed: it connects anew",
  "too-many": "as many agents are connected as may be",
  "too-much": "more was sent than the other side had granted",
  unavailable: "the edge cannot tell now who this is",
} as const;
export type RefusalCode = keyof typeof REFUSALS;
const refusal = v.picklist(Object.keys(REFUSALS) as RefusalCode[]);

/** Beside the message of a refused request for the WebSocket: `details` of its body, as of every fault. */
export const RefusedSchema = v.object({
  message: v.string(),
  details: v.tuple([v.object({ refusal })]),
});

/** Close codes of the WebSocket (RFC 6455 7.4.2: 4000 to 4999 are for private use). */
export const CLOSE = { refused: 4001, replaced: 4002, leaving: 4003 } as const;

const gateway = v.literal(ALLOW_WORDS.gateway);
const slot = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xfffe));

export const FromHubSchema = v.variant("type", [
  v.strictObject({
    type: v.literal("welcome"),
    /** `standby`: waits; `active` follows when it is this instance's turn. */
    state: v.picklist(["active", "standby"]),
    /** For the REST API as this agent, until the connection ends or `expiresMs`. Absent for a peer. */
    access: v.optional(v.strictObject({ token: v.string(), expiresMs: v.number() })),
  }),
  v.strictObject({ type: v.literal("active") }),
  /** Somebody who was let in has to go. */
  v.strictObject({
    type: v.literal("refused"),
    code: refusal,
    message: v.string(),
    /** When trying again makes sense; null: not without a change. */
    retryAfterMs: v.nullable(v.number()),
  }),
  /** To an owner, before the first frame of a peer: who has this slot from now on. */
  v.strictObject({
    type: v.literal("peer"),
    slot,
    site: v.union([PlainIdSchema, gateway]),
    agent: v.union([PlainIdSchema, gateway]),
    linked: v.boolean(),
  }),
  /** A new access token in place of the last one. */
  v.strictObject({ type: v.literal("access"), token: v.string(), expiresMs: v.number() }),
]);
export type FromHub = v.InferOutput<typeof FromHubSchema>;
