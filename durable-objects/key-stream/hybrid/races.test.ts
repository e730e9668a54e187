/** Exchanges of two halves, and what else happens at the same moment: late offers, closes, keys that come late, streams opened again. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Ksid, streamName } from "../../../shared/etsi004/types.ts";
import type { ExchangeOffer } from "../../../shared/hybrid/edge/rpc.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { between, exchangesOf, makeHybrid, outcome } from "../../../test/support/in-workerd-hybrid.ts";
import { type App, newKsid, streamStub } from "../../../test/support/in-workerd-streams.ts";
import { randomBytes } from "../../../test/support/in-workerd-pool.ts";
import type { ObjectsEnv } from "../../env.ts";
import { EpochKeys } from "../../storage/epoch-keys.ts";
import { secretKeys } from "../../storage/epoch-store.ts";
import { HybridSealing } from "./sealing.ts";

const objects = env as unknown as ObjectsEnv;

afterEach(() => vi.restoreAllMocks());

const stored = async (ksid: Ksid, { self }: App) =>
  (await exchangesOf(ksid, self.node)).map(({ number, state, sealedBytes }) => ({ number, state, sealedBytes }));

describe("an offer that comes late", () => {
  it("does not take the place of the one that is being confirmed", async () => {
    const { a, b, openBoth } = await makeHybrid();
    const ksid = newKsid();
    const late: ExchangeOffer[] = [];
    const offers = between("offerExchange", ksid, async (call, pass) => {
      if (offers.calls() === 1) late.push({ ...call, initiatorNonce: randomBytes(32) });
      return await pass(call);
    });
    const verdicts = between("confirmExchange", ksid, async (call, pass) => {
      if (verdicts.calls() === 1) meanwhile();
      return await pass(call);
    });
    // The responder opens what it has sealed to judge the initiator's tag.
    const meanwhile = () => {
      const opening = vi.spyOn(HybridSealing.prototype, "readyToOpen").mockImplementation(async function (
        this: HybridSealing,
        epoch,
      ) {
        opening.mockRestore();
        const half = objects.KEY_STREAM.getByName(streamName(ksid, b.self.node));
        for (const offer of late) expect(await half.offerExchange(offer)).toMatchObject({ ok: true });
        return await this.readyToOpen(epoch);
      });
    };
    expect((await openBoth(ksid)).told).toEqual(["success", "success"]);
    expect([late.length, offers.calls()]).toEqual([1, 3]);
    await Promise.all([a.crash(ksid), b.crash(ksid)]);
    expect(await b.chunk(ksid, 0)).toBe(await a.chunk(ksid, 0));
  });
});

it("a CLOSE while KEM keys are exchanged leaves no secrets behind", async () => {
  const { a, b, openBoth } = await makeHybrid();
  for (const [method, closing, staying] of [
    ["offerExchange", a, b],
    ["confirmExchange", a, b],
    ["confirmExchange", b, a],
  ] as const) {
    const ksid = newKsid();
    const closed: string[] = [];
    const calls = between(method, ksid, async (call, pass) => {
      if (calls.calls() === 1) closed.push(await closing.close(ksid));
      return await (pass as (call: unknown) => Promise<never>)(call);
    });
    await openBoth(ksid);
    calls.end();
    expect(closed).toEqual(["success"]);
    expect(await staying.close(ksid)).toMatch(/^(success|unknown-ksid)$/);
    for (const end of [closing, staying]) {
      const secrets = (await stored(ksid, end)).filter(
        ({ state, sealedBytes }) => state !== "offered" && sealedBytes > 0,
      );
      expect(secrets).toEqual([]);
    }
  }
});

it("a stream is opened again after its first exchange has run out at one end", async () => {
  const { opened, a, b, hybrid } = await makeHybrid();
  const ksid = await opened({ chunkBytes: 32, ttlSeconds: 600 });
  for (let index = LIMITS.streamAheadChunks - 1; index <= LIMITS.hybridEpochChunks; index += LIMITS.streamAheadChunks) {
    await b.chunk(ksid, index);
  }
  await b.chunk(ksid, LIMITS.hybridEpochChunks);
  await runInDurableObject(streamStub(ksid, a.self.node) as never, (_: unknown, { storage }: DurableObjectState) => {
    storage.sql.exec("DELETE FROM hybrid_exchange WHERE ksid = ? AND number = 0", ksid);
  });
  await a.evict(ksid);
  expect(await outcome(a.open(ksid, {}, { hybrid }))).toBe("success");
  expect((await stored(ksid, a)).map(({ number, state }) => [number, state])).toEqual([[1, "confirmed"]]);
});

it("an epoch's key that comes later is found, and the Directory asked again until then", async () => {
  await runInDurableObject(streamStub(newKsid(), "n-late" as never) as never, async () => {
    const store = secretKeys(env);
    let isThere = false;
    const late = { ...store, read: async (epoch: number) => (isThere ? await store.read(epoch) : null) };
    const sealing = new HybridSealing(new EpochKeys(late, "test"), async () => await Promise.resolve(1));
    expect(await sealing.readyToSeal("x")).toBe(false);
    isThere = true;
    expect(await sealing.readyToSeal("x")).toBe(true);
  });
});

it("secrets of an exchange that has run out are not in memory either", async () => {
  const { opened, a, b } = await makeHybrid();
  const ksid = await opened();
  await a.chunk(ksid, 0);
  const stub = streamStub(ksid, b.self.node) as never;
  await runInDurableObject(stub, async (_: unknown, { storage }: DurableObjectState) => {
    storage.sql.exec("UPDATE hybrid_exchange SET ends_ms = 0 WHERE ksid = ?", ksid);
    // Later than now: it is run below, and not at the same time by itself.
    await storage.setAlarm(Date.now() + 60_000);
  });
  await runDurableObjectAlarm(stub);
  expect(await stored(ksid, b)).toEqual([]);
  expect(await outcome(b.get(ksid))).toBe("peer-gone: the other end's half has agreed on nothing");
});
