/** Who can say what to whom: every other letter is refused, whichever byte of it was touched. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa.js";
import * as fc from "fast-check";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import type { PublicKeys, VerifyEd25519 } from "../auth/double-signature.ts";
import { toBase64 } from "../bytes/base64.ts";
import { LIMITS } from "../limits.ts";
import { fingerprintOf, keySeedsOf } from "./identity.ts";
import {
  type Answer,
  AnswerSchema,
  bodyDigest,
  type Checks,
  flawOfAnswer,
  flawOfQuestion,
  type QuestionClaims,
  type QuestionHead,
  QuestionHeadSchema,
  signAnswer,
  type Signer,
  signQuestion,
} from "./letter.ts";
import { CheckedSessions, type Session, sessionBytes, type SessionClaims, sessionDigest } from "./session.ts";

const NOW_MS = 1_800_000_000_000;
const SEEDS = { low: new Uint8Array(32).fill(1), high: new Uint8Array(32).fill(2), eve: new Uint8Array(32).fill(3) };

// ---- Ed25519 by Node, in place of the platform's

const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const privateKeyOf = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
const rawPublic = (key: KeyObject): string =>
  Buffer.from(createPublicKey(key).export({ format: "jwk" }).x ?? "", "base64url").toString("base64");
const verifyEd25519: VerifyEd25519 = async ({ key, signature, message }) => {
  const x = Buffer.from(key).toString("base64url");
  return verify(null, message, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }), signature);
};

const keysOf = (seed: Uint8Array, node: string): PublicKeys => {
  const seeds = keySeedsOf(seed, node);
  return {
    ed25519: rawPublic(privateKeyOf(seeds.ed25519)),
    mlDsa65: toBase64(ml_dsa65.keygen(seeds.mlDsa65).publicKey),
  };
};
/** A session of `node` whose two signatures are made from these seeds. */
function sessionBy(ed25519Seed: Uint8Array, mlDsa65Seed: Uint8Array, changes: Partial<SessionClaims> = {}): Signer {
  const { privateKey } = generateKeyPairSync("ed25519");
  const made: SessionClaims = {
    version: 1,
    node: "tn-1",
    key: rawPublic(privateKey),
    fromMs: NOW_MS,
    untilMs: NOW_MS + LIMITS.peerSessionMs,
    ...changes,
  };
  const message = sessionBytes(made);
  const session: Session = {
    claims: made,
    signatures: {
      ed25519: sign(null, message, privateKeyOf(ed25519Seed)).toString("base64"),
      mlDsa65: toBase64(ml_dsa65.sign(message, ml_dsa65.keygen(mlDsa65Seed).secretKey)),
    },
  };
  return { session, sign: async (bytes) => new Uint8Array(sign(null, bytes, privateKey)) };
}
const signerOf = (seed: Uint8Array, node: string): Signer => {
  const { ed25519, mlDsa65 } = keySeedsOf(seed, node);
  return sessionBy(ed25519, mlDsa65, { node });
};

const BODY = new TextEncoder().encode('{"a":1}');

let lowKeys: PublicKeys;
let highKeys: PublicKeys;
let claims: QuestionClaims;
let question: QuestionHead;
let answer: Answer;

beforeAll(async () => {
  lowKeys = keysOf(SEEDS.low, "tn-1");
  highKeys = keysOf(SEEDS.high, "tn-2");
  claims = {
    from: "tn-1",
    to: "tn-2",
    recipient: fingerprintOf(highKeys),
    question: "half",
    atMs: NOW_MS,
    nonce: toBase64(new Uint8Array(16).fill(7)),
    body: bodyDigest(BODY),
  };
  question = await signQuestion(signerOf(SEEDS.low, "tn-1"), claims);
  answer = await signAnswer(signerOf(SEEDS.high, "tn-2"), question, '{"ok":true,"value":null}');
});

const checks = (nowMs = NOW_MS): Checks => ({ sessions: new CheckedSessions(verifyEd25519), verifyEd25519, nowMs });
const hear = async (head: QuestionHead, nowMs = NOW_MS, more: object = {}) =>
  await flawOfQuestion(
    head,
    { to: "tn-2", question: "half", recipient: fingerprintOf(highKeys), senderKeys: lowKeys, ...more },
    checks(nowMs),
  );
const believe = async (letter: Answer, asked = question, nowMs = NOW_MS) =>
  await flawOfAnswer(letter, asked, highKeys, checks(nowMs));

const ask = async (a: Uint8Array, b: Uint8Array) => await hear(await signQuestion(sessionBy(a, b), claims));
const ownSeeds = () => keySeedsOf(SEEDS.low, "tn-1");
const evesSeeds = () => keySeedsOf(SEEDS.eve, "tn-1");

/** All texts and numbers in a letter, by their path. */
function leaves(value: unknown, at: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [at];
  return Object.entries(value).flatMap(([name, member]) => leaves(member, [...at, name]));
}

/** The same with one character of a text changed, or a number by one. */
function changed<T>(letter: T, at: readonly string[], where: number): T {
  const copy = structuredClone(letter) as Record<string, unknown>;
  const parents = at.slice(0, -1);
  let holder = copy;
  for (const name of parents) holder = holder[name] as Record<string, unknown>;
  const name = at.at(-1)!;
  const value = holder[name];
  if (typeof value === "number") holder[name] = value + (where % 2 === 0 ? 1 : -1);
  else {
    const text = String(value);
    const index = where % text.length;
    const other = text[index] === "A" ? "B" : text[index] === "0" ? "1" : /[0-9a-f]/.test(text[index]!) ? "0" : "A";
    holder[name] = text.slice(0, index) + other + text.slice(index + 1);
  }
  return copy as T;
}

describe("a question", () => {
  test("of whom it says, to whom it says, now, is heard", async () => {
    expect(await hear(question)).toBe(null);
  });

  test("is refused whichever part of it was changed", async () => {
    for (const at of leaves(question)) {
      for (const where of [0, 1]) {
        const forged = changed(question, at, where);
        const isShaped = v.is(QuestionHeadSchema, forged);
        expect(isShaped && (await hear(forged)) === null, at.join(".")).toBe(false);
      }
    }
  });

  test("is refused whichever byte of it was changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...leaves(question)), fc.nat(5000), async (at, where) => {
        const forged = changed(question, at, where);
        return !v.is(QuestionHeadSchema, forged) || (await hear(forged)) !== null;
      }),
      { numRuns: 60 },
    );
  });

  test("is no other question, and nobody else's to hear", async () => {
    expect(await hear(question, NOW_MS, { question: "step" })).toContain("another address");
    expect(await hear(question, NOW_MS, { to: "tn-3" })).toContain("another address");
    // Somebody else's node of the same id.
    const other = fingerprintOf(keysOf(SEEDS.eve, "tn-2"));
    expect(await hear(question, NOW_MS, { recipient: other })).toContain("other keys");
  });

  test.each([
    [-LIMITS.peerSkewMs - 1, false],
    [-LIMITS.peerSkewMs, true],
    [LIMITS.peerSkewMs, true],
    [LIMITS.peerSkewMs + 1, false],
  ])("%i ms from its time by the recipient's clock: heard %s", async (byMs, isHeard) => {
    expect((await hear(question, NOW_MS + byMs)) === null).toBe(isHeard);
  });

  test.each<[string, Partial<SessionClaims>, string]>([
    ["ended", { fromMs: NOW_MS - 3_600_000, untilMs: NOW_MS - LIMITS.peerSkewMs - 1 }, "has ended"],
    ["not begun", { fromMs: NOW_MS + LIMITS.peerSkewMs + 1 }, "not begun"],
    ["too long", { untilMs: NOW_MS + LIMITS.peerSessionMs + 1 }, "too long"],
    ["of no time", { untilMs: NOW_MS }, "too long"],
    ["another node's", { node: "tn-3" }, "another node's"],
  ])("of a session that is %s is refused", async (_, changes, words) => {
    const times = { untilMs: Math.min(NOW_MS + LIMITS.peerSessionMs, (changes.fromMs ?? NOW_MS) + 1000), ...changes };
    const signer = sessionBy(ownSeeds().ed25519, ownSeeds().mlDsa65, times);
    expect(await hear(await signQuestion(signer, claims))).toContain(words);
  });

  test("needs both of the node's long-term keys", async () => {
    expect(await ask(ownSeeds().ed25519, ownSeeds().mlDsa65)).toBe(null);
    for (const [a, b] of [
      [evesSeeds().ed25519, ownSeeds().mlDsa65],
      [ownSeeds().ed25519, evesSeeds().mlDsa65],
      [evesSeeds().ed25519, evesSeeds().mlDsa65],
    ] as const) {
      expect(await ask(a, b)).toContain("not signed by the node");
    }
  });

  test("is refused where another signed by the session, or the session's key is another's", async () => {
    const own = signerOf(SEEDS.low, "tn-1");
    const others = signerOf(SEEDS.eve, "tn-1");
    const signed = await signQuestion({ session: own.session, sign: others.sign }, claims);
    expect(await hear(signed)).toContain("signature does not hold");
    expect(await hear({ ...question, session: others.session })).toContain("not signed by the node");
    // Eve's own node vouches for the key of a session that is not hers.
    const claimed = { ...own.session.claims, node: "tn-9" };
    expect(await hear({ ...question, session: { ...own.session, claims: claimed } })).toContain("another node's");
  });

  test("of keys that the network document does not hold any more is refused, though its session was good", async () => {
    const sessions = new CheckedSessions(verifyEd25519);
    const digest = sessionDigest(question.session);
    expect(await sessions.isSigned(question.session, digest, lowKeys)).toBe(true);
    expect(await sessions.isSigned(question.session, digest, keysOf(SEEDS.eve, "tn-1"))).toBe(false);
    expect(await sessions.isSigned(question.session, digest, lowKeys)).toBe(true);
  });
});

describe("an answer", () => {
  test("of whom was asked, to what was asked, is believed", async () => {
    expect(await believe(answer)).toBe(null);
  });

  test("is refused whichever part of it was changed", async () => {
    for (const at of leaves(answer)) {
      const forged = changed(answer, at, 3);
      expect(v.is(AnswerSchema, forged) && (await believe(forged)) === null, at.join(".")).toBe(false);
    }
  });

  test("is refused of another, to another question, and with another body", async () => {
    const again = await signQuestion(signerOf(SEEDS.low, "tn-1"), { ...claims, nonce: toBase64(new Uint8Array(16)) });
    expect(await believe(answer, again)).toContain("another question");
    const evil = await signAnswer(signerOf(SEEDS.eve, "tn-2"), question, answer.body);
    expect(await believe(evil)).toContain("not signed by the node");
    expect(await believe({ ...answer, body: answer.body.replace("null", "true") })).toContain("not the one");
    // The question itself, sent back by whoever holds the asker's session.
    const mirrored = await signAnswer(signerOf(SEEDS.low, "tn-1"), question, answer.body);
    expect(await believe(mirrored)).not.toBe(null);
    const turned = { ...question, claims: { ...claims, from: "tn-2", to: "tn-1" } };
    expect(await believe(await signAnswer(signerOf(SEEDS.low, "tn-1"), turned, answer.body))).toContain("other nodes");
  });
});

describe("the keys of a node", () => {
  test("come from the same seed, for ever: others know the node by them", () => {
    expect(fingerprintOf(lowKeys)).toBe("7bceabea746674ad3468466378910702001e3b5f57dda76dcf204a73cc6570ff");
    const info = "qkd-edge node identity v1|Ed25519|tn-1";
    expect(keySeedsOf(SEEDS.low, "tn-1").ed25519).toEqual(new Uint8Array(hkdfSync("sha256", SEEDS.low, "", info, 32)));
  });

  test("differ between nodes and deployments", () => {
    const all = [lowKeys, highKeys, keysOf(SEEDS.low, "tn-2"), keysOf(SEEDS.eve, "tn-1")].map(fingerprintOf);
    expect(new Set(all).size).toBe(4);
  });
});
