/**
 * What the KMS API's clients may ask at which of the two ports, and the form in which each of them reads a refusal. They take
 * whatever comes for a JSON object, and look for a member `error` in it.
 */
import { noKey } from "../../../shared/open-qkd-network/answers.ts";
import { oauthBody } from "../../../shared/open-qkd-network/oauth-errors.ts";
import type { KmsPort } from "./config.ts";

export interface Passed {
  readonly methods: readonly ("GET" | "POST")[];
  /** The body of an answer of this side of the edge. */
  readonly refusal: (code: Refused, words: string) => object;
}

/** As OAuth 2.0 calls it (RFC 6749 4.1.2.1, 5.2). */
export type Refused = "invalid_request" | "access_denied" | "temporarily_unavailable";

const asKey: Passed["refusal"] = (_code, words) => noKey(words);

const TOKEN: Passed = { methods: ["POST"], refusal: oauthBody };
const KEY: Passed = { methods: ["GET", "POST"], refusal: asKey };

/** A site is one segment, whatever is escaped in it: none that leads out of the path. */
const KEYS_OF_SITE = /^\/api\/v1\/keys\/(?!(?:\.|%2e){1,2}\/)[^/\\?#]+\/(?:enc_keys|dec_keys|status)$/i;

const PASSED: Readonly<Record<KmsPort, (path: string) => Passed | null>> = {
  token: (path) => (path === "/uaa/oauth/token" ? TOKEN : null),
  api: (path) => (path === "/api/newkey" || path === "/api/getkey" || KEYS_OF_SITE.test(path) ? KEY : null),
};

/** Null: nothing of the API lies there. */
export const passedAt = (port: KmsPort, path: string): Passed | null => PASSED[port](path);

/** For what is no call of the API. */
export const refusalAt = (port: KmsPort): Passed["refusal"] => (port === "token" ? oauthBody : asKey);
