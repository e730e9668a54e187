import { expect, test } from "vitest";
import type { SocketCall } from "../../shared/etsi004/socket.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import type { DirectoryRpc } from "../../shared/network/directory-types.ts";
import { Reviews } from "./reviews.ts";

const call: SocketCall = {
  configVersion: 0,
  principal: "sae:sae-a",
  profile: "native",
  ksid: "0c6bdf05-b1a8-4d8a-b0a6-2d5b1b9f3f14" as Ksid,
  self: { sae: "sae-a" as SaeId, node: "n1" as NodeId },
  standing: { credentials: [], agent: null, untilMs: null },
};

interface Asked {
  /** Sockets that the Directory was told of. */
  readonly callers: number;
  readonly answer: (gone: readonly number[]) => void;
  readonly refuse: () => void;
}

function setUp() {
  const calls: SocketCall[] = [];
  const asked: Asked[] = [];
  const ended: string[] = [];
  const sockets = {
    calls,
    end: (why: string, concerns: (call: SocketCall) => boolean) =>
      calls.filter((each) => concerns(each)).forEach(() => ended.push(why)),
  };
  const goneCallers: DirectoryRpc["goneCallers"] = async ({ callers }) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
    asked.push({ callers: callers.length, answer: resolve, refuse: () => reject(new Error("away")) });
    return await promise;
  };
  const reviews = new Reviews("streams", sockets, () => ({ goneCallers }));
  const isAsked = async (times: number): Promise<void> => await expect.poll(() => asked.length).toBe(times);
  return { calls, asked, ended, isAsked, review: async () => await reviews.review("stream") };
}

test("the Directory hears of what was before a socket came first, then of the socket", async () => {
  const { calls, asked, ended, isAsked, review } = setUp();
  const before = review();
  await isAsked(1);
  calls.push(call);
  const after = [review(), review()];
  asked[0]?.answer([]);
  await before;
  await isAsked(2);
  asked[1]?.answer([0]);
  await Promise.all(after);
  expect(asked.map(({ callers }) => callers)).toEqual([0, 1]);
  expect(ended).toEqual(["revoked"]);
});

test("one that fails is told, and keeps nobody from the next", async () => {
  const { calls, asked, ended, isAsked, review } = setUp();
  calls.push(call);
  const failed = expect(review()).rejects.toThrow("away");
  await isAsked(1);
  const next = review();
  asked[0]?.refuse();
  await failed;
  await isAsked(2);
  asked[1]?.answer([0]);
  await next;
  expect(ended).toEqual(["revoked"]);
});
