import { describe, expect, test } from "vitest";
import { currentScope, inScope } from "../../durable-objects/telemetry/scope.ts";
import { fail } from "../../shared/errors/errors.ts";
import type { KeyId, NodeId, PairName, SaeId } from "../../shared/ids.ts";
import type { KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import type { DecKeysCall, EncKeysCall, KeyGrant, KeyPoolRpc, PoolCall } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { BatchedCalls, type PoolRef } from "./pool-calls.ts";

const encOf = (master: string, count = 1): EncKeysCall => ({
  configVersion: 1,
  principal: `sae:${master}`,
  master: master as SaeId,
  masterNode: "n1" as NodeId,
  recipients: [],
  count,
  sizeBits: 256,
});
const decOf = (sae: string, keys = 1): DecKeysCall => ({
  configVersion: 1,
  principal: `sae:${sae}`,
  sae: sae as SaeId,
  master: "m" as SaeId,
  keyIds: Array.from({ length: keys }, (_, i) => `${String(i).padStart(8, "0")}-0000-4000-8000-000000000000` as KeyId),
});
/** What identifies a grant here: whom it was for. */
const grantFor = (call: PoolCall | { readonly alone: DecKeysCall | EncKeysCall }): KeyGrant => {
  const { principal, waits } = "enc" in call ? call.enc : "dec" in call ? call.dec : call.alone;
  return {
    keyIds: [`${principal} ${waits === undefined ? "" : `waits: ${waits}`}`.trim() as KeyId],
    sizesBytes: [],
    bytes: new Uint8Array(),
  };
};
const nameIn = (result: Result<KeyGrant<KeyIdRun>, unknown>): string =>
  result.ok ? (result.value.keyIds[0] ?? "") : "refused";

/** Pools that note what they are asked. Those whose principal is named `late` would have to wait. */
function pools() {
  const messages: string[] = [];
  const poolNamed = (name: string): Partial<KeyPoolRpc> => ({
    serveAll: async (calls) => {
      const callers = calls.map((call) => ("enc" in call ? call.enc : call.dec).principal);
      messages.push(`${name}: ${callers.join(", ")}`);
      return ok(calls.map((call, i) => (callers[i] === "sae:late" ? fail("on-its-way", "later") : ok(grantFor(call)))));
    },
    encKeys: async (call) => {
      messages.push(`${name} alone: ${nameIn(ok(grantFor({ alone: call })))}`);
      return ok(grantFor({ alone: call }));
    },
    decKeys: async (call) => {
      messages.push(`${name} alone: ${nameIn(ok(grantFor({ alone: call })))}`);
      return ok(grantFor({ alone: call }));
    },
  });
  const namespace = { idFromName: (name: string) => name, get: poolNamed };
  return { env: { KEY_POOL: namespace } as unknown as Env, messages };
}
const NOT_IMPLEMENTED = async () =>
  await Promise.reject(new TypeError('The RPC receiver does not implement the method "serveAll".'));
/** Names of their own, as the Worker remembers the pools' IDs by name. */
const pool = (number: number): PoolRef => ({ pair: `x${number}|y${number}` as PairName, shard: 0 });

describe("calls of a batch", () => {
  test("go to each pool in one message, and each is answered for itself", async () => {
    const { env, messages } = pools();
    const calls = new BatchedCalls(env, 5);
    const members = Array.from({ length: 5 }, () => calls.member());
    const asked = [
      members[0]!.encKeys(pool(1), encOf("a")),
      members[1]!.decKeys(pool(2), decOf("b")),
      members[2]!.decKeys(pool(1), decOf("c")),
      members[3]!.encKeys(pool(1), encOf("a")),
    ];
    expect(messages).toEqual([]);
    members[4]!.ended();
    const own = ["sae:a", "sae:b", "sae:c", "sae:a"].map((name) => `${name} waits: false`);
    expect((await Promise.all(asked)).map(nameIn)).toEqual(own);
    expect(messages).toEqual(["x1|y1#0: sae:a, sae:c, sae:a", "x2|y2#0: sae:b"]);
  });

  test("do not wait for one that is held up", async () => {
    const { env, messages } = pools();
    const calls = new BatchedCalls(env, 2);
    const [quick, slow] = [calls.member(), calls.member()];
    expect(nameIn(await quick.encKeys(pool(1), encOf("quick")))).toBe("sae:quick waits: false");
    expect(nameIn(await slow.encKeys(pool(1), encOf("slow")))).toBe("sae:slow waits: false");
    expect(messages).toEqual(["x1|y1#0: sae:quick", "x1|y1#0: sae:slow"]);
  });

  test("that would have to wait come again by themselves, and say so", async () => {
    const { env, messages } = pools();
    const calls = new BatchedCalls(env, 2);
    const asked = [calls.member().decKeys(pool(1), decOf("late")), calls.member().encKeys(pool(1), encOf("a"))];
    expect((await Promise.all(asked)).map(nameIn)).toEqual(["sae:late waits: true", "sae:a waits: false"]);
    expect(messages).toEqual(["x1|y1#0: sae:late, sae:a", "x1|y1#0 alone: sae:late waits: true"]);
  });

  test("after a request's first are made as if it had come alone: it may have taken keys by then", async () => {
    const { env, messages } = pools();
    const member = new BatchedCalls(env, 1).member();
    await member.decKeys(pool(1), decOf("b"));
    expect(nameIn(await member.decKeys(pool(2), decOf("late")))).toBe("sae:late");
    await member.encKeys(pool(1), encOf("b", LIMITS.keysPerRequest));
    expect(messages).toEqual(["x1|y1#0: sae:b", "x2|y2#0 alone: sae:late", "x1|y1#0 alone: sae:b"]);
    expect(member.alone).toBe(false);
  });

  test("of a pool of the release before are made each by itself, and none for another's request", async () => {
    const told: (string | undefined)[] = [];
    const encKeys = async (call: EncKeysCall) => {
      told.push(currentScope()?.requestId);
      return await Promise.resolve(ok(grantFor({ alone: call })));
    };
    const serveAll = NOT_IMPLEMENTED;
    const namespace = { idFromName: (name: string) => name, get: () => ({ serveAll, encKeys }) };
    const calls = new BatchedCalls({ KEY_POOL: namespace } as unknown as Env, 2);
    const asked = ["a", "b"].map(async (name) => {
      const member = calls.member();
      const scope = { requestId: `of ${name}`, trace: null, calls: null, isOver: false };
      return await inScope(scope, async () => await member.encKeys(pool(3), encOf(name)));
    });
    expect((await Promise.all(asked)).map(nameIn)).toEqual(["sae:a waits: false", "sae:b waits: false"]);
    expect(told).toEqual([undefined, undefined]);
  });

  test("for many keys are not made: the request shall come alone", async () => {
    const { env, messages } = pools();
    const calls = new BatchedCalls(env, 3);
    const [first, second, third] = [calls.member(), calls.member(), calls.member()];
    const many = LIMITS.batchedKeys + 1;
    expect(nameIn(await first.encKeys(pool(1), encOf("a", many)))).toBe("refused");
    expect(nameIn(await second.decKeys(pool(1), decOf("b", many)))).toBe("refused");
    for (const member of [first, second]) member.ended();
    expect(nameIn(await third.decKeys(pool(1), decOf("c", LIMITS.batchedKeys)))).toBe("sae:c waits: false");
    expect([first.alone, second.alone, third.alone]).toEqual([true, true, false]);
    expect(messages).toEqual(["x1|y1#0: sae:c"]);
  });
});

test("a full batch of the largest keys fits one RPC message, and its answers one part", () => {
  const bytes = (LIMITS.frontBatchRequests * LIMITS.batchedKeys * LIMITS.keySizeBits) / 8;
  const idBytes = LIMITS.frontBatchRequests * LIMITS.batchedKeys * 100;
  expect(bytes + idBytes).toBeLessThan(32 * 1024 * 1024);
  expect((bytes * 4) / 3 + idBytes).toBeLessThan(LIMITS.batchPartBytes);
});
