/**
 * What carries a question to another deployment, and an answer back: who says it to whom, and what, signed by the
 * sender's session. A question's head goes in a header of the request, so that nobody's body is read before he is known;
 * its body is the body. An answer comes whole in the body.
 *
 * A question names the keys that it is meant for: the holder of another node of the same id, in this network or another,
 * cannot pass it on. An answer names the question, by a digest of all its head and so of its nonce: it answers no other.
 *
 * Questions are fresh for LIMITS.peerSkewMs, and no more is done against replays: each is idempotent, or happens once,
 * where the state is. A step's bits are taken once; a voided relay stays so; advertisements and messages between halves
 * are numbered; units that a half asks for it asks for at a later time than all before; a pool remembers what it was asked
 * about key streams.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import * as v from "valibot";
import { canonicalJson } from "../audit/canonical-json.ts";
import { base64Of, type PublicKeys, SIGNATURE_BYTES, type VerifyEd25519 } from "../auth/double-signature.ts";
import { fromBase64, toBase64 } from "../bytes/base64.ts";
import { toHex } from "../bytes/hex.ts";
import { LIMITS } from "../limits.ts";
import { PlainIdSchema } from "../network/plain-id.ts";
import { type CheckedSessions, flawOfTimes, type Session, sessionDigest, SessionSchema } from "./session.ts";

/** JSON of a `QuestionHead`. */
export const PEER_HEADER = "QKD-Peer";
export const QUESTION_NONCE_BYTES = 16;

const DOMAINS = { question: "qkd-edge peer question v1\n", answer: "qkd-edge peer answer v1\n" } as const;
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "shall be a SHA-256: 64 lower-case hex digits"));
const signature = base64Of(SIGNATURE_BYTES.ed25519);

const QuestionClaimsSchema = v.strictObject({
  from: PlainIdSchema,
  to: PlainIdSchema,
  /** `fingerprintOf` the public keys that the sender knows `to` by. */
  recipient: digest,
  question: PlainIdSchema,
  atMs: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  nonce: base64Of(QUESTION_NONCE_BYTES),
  /** SHA-256 of the body. */
  body: digest,
});
export type QuestionClaims = v.InferOutput<typeof QuestionClaimsSchema>;

export const QuestionHeadSchema = v.strictObject({ session: SessionSchema, claims: QuestionClaimsSchema, signature });
export type QuestionHead = v.InferOutput<typeof QuestionHeadSchema>;

const AnswerClaimsSchema = v.strictObject({
  from: PlainIdSchema,
  to: PlainIdSchema,
  /** `questionDigest` of what it answers. */
  question: digest,
  body: digest,
});
export type AnswerClaims = v.InferOutput<typeof AnswerClaimsSchema>;

/** `body`: JSON text of an outcome (outcome.ts). */
export const AnswerSchema = v.strictObject({
  session: SessionSchema,
  claims: AnswerClaimsSchema,
  signature,
  body: v.string(),
});
export type Answer = v.InferOutput<typeof AnswerSchema>;

/** What a node signs by, for as long as the session lasts. */
export interface Signer {
  readonly session: Session;
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

export const bodyDigest = (body: Uint8Array): string => toHex(sha256(body));
const questionDigest = ({ session, claims }: Pick<QuestionHead, "session" | "claims">): string =>
  toHex(sha256(bytesOf("question", session, claims)));

function bytesOf(kind: keyof typeof DOMAINS, session: Session, claims: QuestionClaims | AnswerClaims): Uint8Array {
  return new TextEncoder().encode(DOMAINS[kind] + canonicalJson({ session: sessionDigest(session), claims }));
}

export async function signQuestion({ session, sign }: Signer, claims: QuestionClaims): Promise<QuestionHead> {
  return { session, claims, signature: toBase64(await sign(bytesOf("question", session, claims))) };
}

/** @param question what is answered @param body JSON text */
export async function signAnswer({ session, sign }: Signer, question: QuestionHead, body: string): Promise<Answer> {
  const { from: to, to: from } = question.claims;
  const claims = { from, to, question: questionDigest(question), body: bodyDigest(new TextEncoder().encode(body)) };
  return { session, claims, signature: toBase64(await sign(bytesOf("answer", session, claims))), body };
}

export interface Checks {
  readonly sessions: CheckedSessions;
  readonly verifyEd25519: VerifyEd25519;
  readonly nowMs: number;
}

/** What a question has to be to be heard. */
export interface Expected {
  readonly to: string;
  readonly question: string;
  /** `fingerprintOf` the own keys of `to`. */
  readonly recipient: string;
  /** By which the network document knows the sender. */
  readonly senderKeys: PublicKeys;
}

/** Why it is not the question of who it says it is, to be heard here and now; null: it is. Its body is not looked at. */
export async function flawOfQuestion(head: QuestionHead, expected: Expected, checks: Checks): Promise<string | null> {
  const { claims } = head;
  if (claims.to !== expected.to || claims.question !== expected.question) return "it was signed for another address";
  if (claims.recipient !== expected.recipient) return "it was signed for a node of other keys";
  if (Math.abs(checks.nowMs - claims.atMs) > LIMITS.peerSkewMs)
    return "it is too old or too new: are the clocks right?";
  return await flawOfSignatures("question", head, expected.senderKeys, checks);
}

/** The same of what came back for `question`. */
export async function flawOfAnswer(
  answer: Answer,
  question: QuestionHead,
  responderKeys: PublicKeys,
  checks: Checks,
): Promise<string | null> {
  const { claims, body } = answer;
  if (claims.from !== question.claims.to || claims.to !== question.claims.from) return "it is between other nodes";
  if (claims.question !== questionDigest(question)) return "it answers another question";
  if (claims.body !== bodyDigest(new TextEncoder().encode(body))) return "its body is not the one that was signed";
  return await flawOfSignatures("answer", answer, responderKeys, checks);
}

async function flawOfSignatures(
  kind: keyof typeof DOMAINS,
  { session, claims, signature: text }: QuestionHead | Answer,
  keys: PublicKeys,
  { sessions, verifyEd25519, nowMs }: Checks,
): Promise<string | null> {
  if (session.claims.node !== claims.from) return "its session is another node's";
  const flaw = flawOfTimes(session.claims, nowMs);
  if (flaw !== null) return flaw;
  if (!(await sessions.isSigned(session, sessionDigest(session), keys))) return "its session is not signed by the node";
  const key = fromBase64(session.claims.key);
  const bytes = fromBase64(text);
  if (key === null || bytes === null) return "its signature is no base64";
  const isGood = await verifyEd25519({ key, signature: bytes, message: bytesOf(kind, session, claims) });
  return isGood ? null : "its signature does not hold";
}
