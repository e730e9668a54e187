import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { nodes, relayTerms } from "../../test/support/relay-rig.ts";
import { LIMITS } from "../limits.ts";
import type { RelayStep, StepAnswer } from "./types.ts";
import { relayText, RelayStepSchema, RelayTermsSchema, StepAnswerSchema } from "./wire.ts";

const STEP: RelayStep = {
  terms: relayTerms(nodes("a", "b", "c")),
  position: 2,
  message: {
    draw: { shard: 3, record: 2 ** 40, nonce: "00ff" },
    ciphertext: Uint8Array.from({ length: 48 }, (_, i) => i),
    tag: new Uint8Array(16).fill(7),
  },
};
const json = (value: Parameters<typeof relayText>[0]): unknown => JSON.parse(relayText(value));

describe("relay over HTTPS", () => {
  test("what is written is read again", () => {
    expect(v.parse(RelayStepSchema, json(STEP))).toEqual(STEP);
    expect(v.parse(RelayTermsSchema, json(STEP.terms))).toEqual(STEP.terms);
    const answers: StepAnswer[] = [
      { outcome: "onward", message: STEP.message },
      { outcome: "held" },
      { outcome: "stored" },
    ];
    for (const answer of answers) expect(v.parse(StepAnswerSchema, json(answer))).toEqual(answer);
  });

  test("a Buffer is written as bytes too", () => {
    const message = { ...STEP.message, ciphertext: Buffer.from(STEP.message.ciphertext) };
    expect(json({ ...STEP, message })).toEqual(json(STEP));
  });

  const text = json(STEP) as { terms: object; message: { draw: object } };
  test.each<[string, unknown]>([
    ["nothing", null],
    ["a list", []],
    ["a step without terms", { ...text, terms: undefined }],
    ["an unknown member", { ...text, more: 1 }],
    ["a path that is no list", { ...text, terms: { ...text.terms, path: "a" } }],
    ["a path too long", { ...text, terms: { ...text.terms, path: Array.from({ length: 66 }, (_, i) => `n${i}`) } }],
    ["a path with a number", { ...text, terms: { ...text.terms, path: ["a", 1, "c"] } }],
    ["a share of three numbers", { ...text, terms: { ...text.terms, share: [0, 1, 2] } }],
    ["a negative position", { ...text, position: -1 }],
    ["a length that no number tells", { ...text, terms: { ...text.terms, bytes: 2 ** 53 } }],
    ["a record as text", { ...text, message: { ...text.message, draw: { ...text.message.draw, record: "1" } } }],
    ["a ciphertext that is no base64", { ...text, message: { ...text.message, ciphertext: "AAA" } }],
    ["too long a ciphertext", { ...text, message: { ...text.message, ciphertext: "AAAA".repeat(LIMITS.relayBytes) } }],
    ["too long a tag", { ...text, message: { ...text.message, tag: "AAAA".repeat(6) } }],
    ["an answer instead", { outcome: "stored" }],
  ])("%s is no step", (_what, value) => expect(v.safeParse(RelayStepSchema, value).success).toBe(false));

  test.each([[{ outcome: "onward" }], [{ outcome: "stored", key: "AAAA" }], [{ outcome: "kept" }], ["stored"]])(
    "%j is no answer",
    (value) => expect(v.safeParse(StepAnswerSchema, value).success).toBe(false),
  );
});
