/** Answers of a KMS of Open-QKD-Network, judged before anything of them is used. */
import * as v from "valibot";
import { fromHex } from "../shared/bytes/hex.ts";
import { isRecord } from "../shared/records.ts";
import { BEARER_TOKEN } from "./bearer.ts";
import { AnswerError, NoKeyError, OAuthError, RefusedError } from "./errors.ts";
import type { HttpAnswer } from "./exchange.ts";
import { refusal, textOf } from "./refusal.ts";

export interface KmsKey {
  /** Together they name the key: what the other site has to be told. */
  readonly blockId: string;
  readonly index: number;
  /** 32 bytes. The caller's own: to be wiped (`key.fill(0)`) after use. */
  readonly key: Uint8Array;
}

export interface TokenGiven {
  readonly accessToken: string;
  /** Null: there is none, or the one before stays. */
  readonly refreshToken: string | null;
  /** Null: nobody says. */
  readonly expiresInSeconds: number | null;
}

const KEY_BYTES = 32;
const OK = 200;
const UNAUTHORIZED = 401;

/** RFC 6749 clause 5.1. Further members are passed over. */
const TokenSchema = v.object({
  access_token: v.pipe(v.string(), v.regex(BEARER_TOKEN)),
  token_type: v.pipe(v.string(), v.regex(/^bearer$/i)),
  refresh_token: v.nullish(v.string()),
  expires_in: v.nullish(v.pipe(v.number(), v.minValue(0))),
});

/** @throws OAuthError, RefusedError, AnswerError */
export function readToken(answer: HttpAnswer): TokenGiven {
  if (answer.status !== OK) throw oauthRefusal(answer);
  const parsed = v.safeParse(TokenSchema, answer.json);
  if (!parsed.success) throw new AnswerError("the answer is no token");
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresInSeconds } = parsed.output;
  return { accessToken, refreshToken: refreshToken || null, expiresInSeconds: expiresInSeconds ?? null };
}

/** As OAuth says it, or as anybody else does. */
export function oauthRefusal(answer: HttpAnswer): RefusedError {
  const { error, error_description: description, message } = isRecord(answer.json) ? answer.json : {};
  const code = textOf(error);
  if (code === null) return refusal(answer);
  const why = textOf(description) ?? textOf(message) ?? "no token";
  return new OAuthError(code, `${why} (${code}, HTTP ${answer.status})`, { ...answer, reason: why });
}

/** `{"index", "hexKey", "blockId"}`; -2 and nulls where there is no key, which the original says with HTTP 200. */
const KeySchema = v.object({ index: v.number(), hexKey: v.nullish(v.string()), blockId: v.nullish(v.string()) });

/** @param asked null: the KMS chooses. @throws NoKeyError, OAuthError, RefusedError, AnswerError */
export function readKey(answer: HttpAnswer, asked: Omit<KmsKey, "key"> | null): KmsKey {
  if (answer.status !== OK) throw answer.status === UNAUTHORIZED ? oauthRefusal(answer) : kmsRefusal(answer);
  const parsed = v.safeParse(KeySchema, answer.json);
  if (!parsed.success) throw new AnswerError("the answer is no key of a KMS");
  const { index, hexKey, blockId } = parsed.output;
  if (index < 0) throw new NoKeyError(textOf(errorIn(answer)) ?? "the KMS has no such key, or none now", answer);
  if (!Number.isSafeInteger(index) || !blockId || !hexKey) throw new AnswerError("the answer is no key of a KMS");
  // The original can answer from another block than the one asked for.
  if (asked !== null && (index !== asked.index || blockId.toLowerCase() !== asked.blockId.toLowerCase())) {
    throw new AnswerError("the KMS answers with another key than the one asked for");
  }
  const key = fromHex(hexKey);
  if (key?.length !== KEY_BYTES) {
    key?.fill(0);
    throw new AnswerError(`the KMS's key is not ${KEY_BYTES} bytes in hexadecimal`);
  }
  return { blockId, index, key };
}

const errorIn = ({ json }: HttpAnswer): unknown => (isRecord(json) ? json["error"] : undefined);

/** Why a request was wrong stands in `error`, where there is no Error object's message. */
function kmsRefusal(answer: HttpAnswer): RefusedError {
  const why = textOf(errorIn(answer));
  const isErrorObject = isRecord(answer.json) && "message" in answer.json;
  if (why === null || isErrorObject) return refusal(answer);
  return new RefusedError(`${why} (HTTP ${answer.status})`, { ...answer, reason: why });
}
