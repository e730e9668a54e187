import * as fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { fail } from "../errors/errors.ts";
import type { KeyId, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { type Ack, AckContainersSchema, FORMS, gatherAcks, writeAcks } from "./ack.ts";
import { checkCallback, isHost } from "./callback.ts";
import { judgeArrival, judgeVoid, type Remembered } from "./foreign-key.ts";
import { problemOf } from "./problem.ts";
import { secretNameOf } from "./secret-name.ts";

const [X, Y, A, B] = ["x", "y", "a", "b"].map((id) => id as SaeId) as [SaeId, SaeId, SaeId, SaeId];
const keyId = (n: number) => `00000000-0000-0000-0000-${String(n).padStart(12, "0")}` as KeyId;

const ack = (more: Partial<Ack> = {}): Ack => ({
  status: "failed",
  initiator: X,
  target: A,
  keyIds: [keyId(1)],
  ...more,
});
describe("acknowledgements", () => {
  test("are written in either form", () => {
    const written = FORMS.map((form) => writeAcks([ack({ message: "why" })], form)[0]);
    const common = { ack_status: "failed", initiator_sae_id: "x", message: "why" };
    expect(written).toEqual([
      { ...common, key_ids: [{ key_id: keyId(1) }], target_sae_id: "a" },
      { ...common, key_id_container: [{ key_id: keyId(1) }], target_sae_ids: ["a"] },
    ]);
    for (const each of written) expect(v.is(AckContainersSchema, [each])).toBe(true);
  });

  test("have no more keys each than a container may", () => {
    const keyIds = Array.from({ length: 2 * LIMITS.extKeys + 1 }, (_, n) => keyId(n));
    const parts = writeAcks([ack({ keyIds })], "key_id").map(({ key_ids: ids = [] }) =>
      ids.map(({ key_id }) => key_id),
    );
    expect(parts.map((part) => part.length)).toEqual([LIMITS.extKeys, LIMITS.extKeys, 1]);
    expect(parts.flat()).toEqual(keyIds);
    expect(writeAcks([ack({ keyIds: [] })], "key_id")).toHaveLength(1);
  });

  test("are gathered by target and status", () => {
    const outcomes = [
      { target: A, keyId: keyId(1), status: "voided" },
      { target: B, keyId: keyId(1), status: "voided" },
      { target: A, keyId: keyId(2), status: "failed to void" },
      { target: A, keyId: keyId(3), status: "voided" },
    ] as const;
    expect(gatherAcks(X, outcomes).map(({ target, status, keyIds }) => [target, status, keyIds])).toEqual([
      [A, "voided", [keyId(1), keyId(3)]],
      [B, "voided", [keyId(1)]],
      [A, "failed to void", [keyId(2)]],
    ]);
  });
});

describe("callbacks", () => {
  const HOSTS = ["kms.example", "kms.example:8443", "127.0.0.1:9000", "[::1]:9000"];

  test.each([
    ["https://kms.example/ack", "https://kms.example/ack"],
    ["https://KMS.example:443/ack?a=b", "https://kms.example/ack?a=b"],
    ["https://kms.example:8443", "https://kms.example:8443/"],
    ["http://127.0.0.1:9000/a", "http://127.0.0.1:9000/a"],
    ["https://[0::1]:9000/a", "https://[::1]:9000/a"],
  ])("go to %s", (text, url) => {
    expect(checkCallback(text, HOSTS)).toEqual({ ok: true, value: url });
  });

  test.each([
    "https://kms.example.evil/ack",
    "https://kms.example@evil.example/ack",
    "https://user:pass@kms.example/ack",
    "https://kms.example:8444/",
    "https://sub.kms.example/",
    "https://kms.example#a",
    "http://kms.example/",
    "http://127.0.0.1:9001/",
    "https://169.254.169.254/",
    "https://2130706433:9001/",
    "file:///etc/passwd",
    "//kms.example/ack",
    "",
  ])("do not go to %s", (text) => {
    expect(checkCallback(text, HOSTS)).toMatchObject({ ok: false, error: { code: "bad-request" } });
  });

  test("go nowhere without hosts; hosts are as a URL has them", () => {
    expect(checkCallback("https://kms.example/", []).ok).toBe(false);
    expect(["kms.example", "kms.example:8443", "[::1]", "10.0.0.1:80"].filter((host) => !isHost(host))).toEqual([]);
    const bad = [
      "KMS.example",
      "kms.example:443",
      "kms.example/",
      "https://kms.example",
      "a@b",
      "",
      "a b",
      "a#b",
      "0x7f.1",
    ];
    expect(bad.filter((host) => isHost(host))).toEqual([]);
  });
});

const known = (more: Partial<Remembered> = {}): Remembered => ({
  initiator: X,
  targets: [A],
  voided: [],
  expiresMs: 100,
  ...more,
});
const arrival = (saes: readonly SaeId[] = [A], initiator = X) => ({ initiator, targets: saes });
const refused = (words: string) => ({ refused: expect.stringContaining(words) });
describe("the life of a key of another KMS", () => {
  test("it comes once, or again as it was", () => {
    expect(judgeArrival(undefined, arrival(), () => false, 0)).toBe("new");
    expect(judgeArrival(known(), arrival(), () => true, 0)).toBe("known");
    expect(judgeArrival(known({ targets: [A, B] }), arrival([B]), () => true, 0)).toBe("known");
    expect(judgeArrival(known(), arrival(), () => false, 0)).toEqual(refused("another value"));
    expect(judgeArrival(known(), arrival([A], Y), () => true, 0)).toEqual(refused("another initiator"));
    expect(judgeArrival(known(), arrival([A, B]), () => true, 0)).toEqual(refused("other targets"));
    expect(judgeArrival(known(), arrival(), () => true, 100)).toEqual(refused("expired"));
    expect(judgeArrival(known({ targets: [], voided: [B] }), arrival(), () => false, 0)).toBe("new");
    expect(judgeArrival(known({ targets: [], voided: [B] }), arrival([A, B]), () => false, 0)).toEqual(
      refused("voided"),
    );
  });

  test("it is taken back while it waits, and not later", () => {
    const verdict = (of: Remembered | undefined, waits: boolean, nowMs = 0, initiator = X) =>
      judgeVoid(of, { initiator, target: A }, () => waits, nowMs);
    expect(verdict(undefined, false)).toEqual({ status: "key not present", isRemembered: true });
    expect(verdict(known(), true)).toEqual({ status: "voided", isRemembered: true });
    expect(verdict(known({ voided: [A] }), false)).toEqual({ status: "voided", isRemembered: false });
    expect(verdict(known({ targets: [], voided: [A] }), false)).toEqual({
      status: "key not present",
      isRemembered: false,
    });
    expect(verdict(known(), false)).toEqual({ status: "failed to void", isRemembered: false });
    expect(verdict(known(), false, 100)).toEqual({ status: "key not present", isRemembered: true });
    expect(verdict(known(), true, 0, Y)).toEqual({ status: "key not present", isRemembered: false });
    expect(verdict(known({ targets: [B] }), true)).toEqual({ status: "key not present", isRemembered: true });
  });

  test("in any order of messages: void beats what comes after it, and what was fetched is never told to be void", () => {
    const step = fc.constantFrom("arrive", "void", "fetch");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let key: Remembered | undefined;
        let [waits, isVoid, wasFetched] = [false, false, false];
        for (const each of steps) {
          if (each === "arrive") {
            const verdict = judgeArrival(key, arrival(), () => true, 0);
            if (isVoid) expect(verdict).toEqual(refused("voided"));
            if (verdict !== "new") continue;
            expect(key?.targets ?? []).toEqual([]);
            key = known();
            waits = true;
          } else if (each === "fetch") {
            wasFetched ||= waits;
            waits = false;
          } else {
            const { status, isRemembered } = judgeVoid(key, { initiator: X, target: A }, () => waits, 0);
            if (wasFetched) expect(status).toBe("failed to void");
            if (status === "voided") waits = false;
            if (isRemembered) key = { ...(key ?? known({ targets: [] })), voided: [A] };
            isVoid ||= isRemembered;
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("faults are problems, their details members by name", () => {
  const { error } = fail("bad-request", "keys: no", [{ pointer: "/keys", message: "no" }, { code: 1 }]);
  expect(problemOf(error)).toEqual({ type: "about:blank", status: 400, title: "keys: no", details: { "/keys": "no" } });
  expect(problemOf(fail("pool-full", "full").error)).toEqual({ type: "about:blank", status: 503, title: "full" });
});

test("a peer's secret is named by its id", () => {
  expect(secretNameOf("kms-x.1")).toBe("QKD_KMS_PEER_TOKEN_KMS_X_1");
});
