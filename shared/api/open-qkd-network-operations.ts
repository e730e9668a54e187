/** Open-QKD-Network's KMS API: the three URLs of a `kms.conf`, and the one that revokes a token. */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";
import { SiteKeySchema } from "../open-qkd-network/answers.ts";
import { FORM_TYPE } from "../open-qkd-network/form.ts";
import { GRANTS } from "../open-qkd-network/token-request.ts";
import { EXAMPLE_KEY_ID, json, type Operation, type Parameter, type RequestBody } from "./operation.ts";

const form = (description: string, schema: v.GenericSchema, required: boolean, example: unknown): RequestBody => ({
  description,
  contentType: FORM_TYPE,
  schema,
  required,
  maxBytes: LIMITS.kmsFormBytes,
  example,
});

const text = v.optional(v.string());
const TokenSchema = v.looseObject({
  access_token: v.string(),
  token_type: v.literal("bearer"),
  refresh_token: text,
  expires_in: v.pipe(v.number(), v.integer()),
  scope: v.string(),
});

const site: Record<string, Parameter> = {
  siteid: { type: "string", description: "The other site: its node's kms_site_id, or the node's id." },
};
const key: Record<string, Parameter> = {
  ...site,
  index: { type: "integer", description: "As newkey told it." },
  blockid: { type: "string", description: "As newkey told it." },
};
const keyErrors = ["forbidden", "no-route", "idempotency-mismatch", "audit-full"] as const;
const NEW_KEY =
  "The next key that the caller's site shares with another: 256 bits. The other site fetches it by getkey, once. index is -2, and error says why, where there is none.";
const GET_KEY =
  "The key that another site got by newkey, once. index is -2, and error says why, where there is no such key: then nothing is consumed.";
const siteKey = json("The key, or index -2", SiteKeySchema);

export const OPEN_QKD_NETWORK = {
  postToken: {
    method: "post",
    path: "/uaa/oauth/token",
    tag: "Open-QKD-Network",
    summary: "Get an access token",
    description:
      "RFC 6749: the grants password, client_credentials and refresh_token. The client shows its secret by HTTP Basic, or by client_id and client_secret in the form. A refresh token is good once, and the answer brings the next; one that comes again ends the sign-in.",
    action: null,
    faults: "oauth",
    request: form(
      "Token request",
      v.looseObject({
        grant_type: v.picklist(GRANTS),
        username: text,
        password: text,
        refresh_token: text,
        scope: text,
        client_id: text,
        client_secret: text,
      }),
      true,
      { grant_type: "password", username: "pwebb", password: "bot", scope: "openid" },
    ),
    responses: { 200: json("Tokens", TokenSchema) },
    errors: ["unauthorised", "body-too-large", "rate-limited", "directory-unavailable", "unavailable"],
    curl: "/uaa/oauth/token -u html5:password -d 'grant_type=password&username=pwebb&password=bot&scope=openid'",
  },
  postTokenRevocation: {
    method: "post",
    path: "/uaa/oauth/revoke",
    tag: "Open-QKD-Network",
    summary: "Revoke a token",
    description: "RFC 7009. A refresh token goes with all that came of its sign-in.",
    action: null,
    faults: "oauth",
    request: form("Revocation", v.looseObject({ token: v.string() }), true, { token: "qkdk.html5.AAAA" }),
    responses: { 200: json("It is good for nothing, whatever it was", v.object({})) },
    errors: ["unauthorised", "body-too-large", "rate-limited", "directory-unavailable", "unavailable"],
    curl: "/uaa/oauth/revoke -u html5:password -d token=$TOKEN",
  },
  getNewKey: {
    method: "get",
    path: "/api/newkey",
    tag: "Open-QKD-Network",
    summary: "Get a new key",
    description: NEW_KEY,
    action: "kms.use",
    faults: "site-key",
    query: site,
    responses: { 200: siteKey },
    errors: keyErrors,
    curl: '"/api/newkey?siteid=B"',
  },
  postNewKey: {
    method: "post",
    path: "/api/newkey",
    tag: "Open-QKD-Network",
    summary: "Get a new key (form)",
    description: NEW_KEY,
    action: "kms.use",
    faults: "site-key",
    query: site,
    request: form("Instead of the query", v.looseObject({ siteid: text }), false, { siteid: "B" }),
    responses: { 200: siteKey },
    errors: [...keyErrors, "body-too-large"],
    curl: "/api/newkey -d siteid=B",
  },
  getGetKey: {
    method: "get",
    path: "/api/getkey",
    tag: "Open-QKD-Network",
    summary: "Get the key that the other site has",
    description: GET_KEY,
    action: "kms.use",
    faults: "site-key",
    query: key,
    responses: { 200: siteKey },
    errors: keyErrors,
    curl: `"/api/getkey?siteid=A&index=0&blockid=${EXAMPLE_KEY_ID}"`,
  },
  postGetKey: {
    method: "post",
    path: "/api/getkey",
    tag: "Open-QKD-Network",
    summary: "Get the key that the other site has (form)",
    description: GET_KEY,
    action: "kms.use",
    faults: "site-key",
    query: key,
    request: form("Instead of the query", v.looseObject({ siteid: text, index: text, blockid: text }), false, {
      siteid: "A",
      index: "0",
      blockid: EXAMPLE_KEY_ID,
    }),
    responses: { 200: siteKey },
    errors: [...keyErrors, "body-too-large"],
    curl: `/api/getkey -d 'siteid=A&index=0&blockid=${EXAMPLE_KEY_ID}'`,
  },
} as const satisfies Record<string, Operation>;
