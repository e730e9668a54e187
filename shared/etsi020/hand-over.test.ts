import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonValue } from "../errors/errors.ts";
import type { KeyId, SaeId } from "../ids.ts";
import { type Ack, ACK_STATUSES, type AckStatus, FORMS, writeAcks } from "./ack.ts";
import { HandOver, readAcks, writeExtKeys, writeVoid } from "./hand-over.ts";
import { readExtKeys, readVoid } from "./wire.ts";

const [X, A, B] = ["x", "a", "b"].map((id) => id as SaeId) as [SaeId, SaeId, SaeId];
const IDS = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000000${n}` as KeyId);
const PARTIES = { initiator: A, target: X, keyIds: IDS };
const URL = "https://edge.example/kmapi/v1/ext_keys/ack";
const parsed = (text: string) => JSON.parse(text) as JsonValue;

test("what is written is read as it was", () => {
  const handed = { ...PARTIES, sizesBytes: [1, 2, 3], bytes: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  for (const callbackUrl of [null, URL]) {
    const keys = [[1], [2, 3], [4, 5, 6]].map((bytes, n) => ({ keyId: IDS[n], bytes: Uint8Array.from(bytes) }));
    const parties = { initiator: A, targets: [X], callbackUrl };
    expect(readExtKeys(parsed(writeExtKeys(handed, callbackUrl)))).toEqual({ ok: true, value: { ...parties, keys } });
    for (const form of FORMS) {
      const back = readVoid(parsed(writeVoid(PARTIES, form, callbackUrl)), false);
      expect(back).toEqual({ ok: true, value: { ...parties, keyIds: IDS } });
    }
  }
});

const status = fc.constantFrom<AckStatus>(...ACK_STATUSES);
const anyAck: fc.Arbitrary<Ack> = fc.record({
  status,
  initiator: fc.constantFrom(A, B),
  target: fc.constantFrom(X, B),
  keyIds: fc.subarray(IDS),
});

describe("acknowledgements", () => {
  test("are read in both forms as they were written", () => {
    fc.assert(
      fc.property(fc.array(anyAck, { maxLength: 5 }), fc.constantFrom(...FORMS), (acks, form) => {
        expect(readAcks(parsed(JSON.stringify(writeAcks(acks, form))))).toEqual({ ok: true, value: acks });
      }),
    );
  });

  test("whatever comes is read or refused as bad, and never thrown at", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())), (body) => {
        const read = readAcks(body as JsonValue);
        if (!read.ok) expect(read.error.code).toBe("bad-request");
      }),
    );
  });

  test("without a target, or of a status nobody knows, are refused", () => {
    const plain = { key_ids: [], ack_status: "relayed", initiator_sae_id: "a" };
    expect(readAcks([plain])).toMatchObject({ ok: false, error: { message: "0.target_sae_id: is missing" } });
    expect(readAcks([{ ...plain, target_sae_id: "x", ack_status: "done" }]).ok).toBe(false);
    expect(readAcks([{ ...plain, target_sae_ids: ["x", "b"] }])).toMatchObject({
      value: [{ target: X }, { target: B }],
    });
  });
});

test("a hand-over is relayed once each key is, in whatever order it is told; what came first stays", () => {
  fc.assert(
    fc.property(fc.array(anyAck, { maxLength: 12 }), (acks) => {
      const handOver = new HandOver(PARTIES);
      const relayed = new Set<KeyId>();
      let expected = "waiting";
      for (const ack of acks) {
        handOver.heard(ack);
        const isMine = ack.initiator === A && ack.target === X;
        if (isMine && expected === "waiting") {
          const open = ack.keyIds.filter((id) => !relayed.has(id));
          if (ack.status === "relayed") for (const id of open) relayed.add(id);
          else if (open.length > 0) expected = "failed";
          if (relayed.size === IDS.length && expected === "waiting") expected = "relayed";
        }
        expect(handOver.outcome).toBe(expected);
      }
    }),
    { numRuns: 300 },
  );
});
