/** KEM exchanges between two halves: what is tampered with, lost or repeated on the way, crashes, and keys at rest. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Ksid, streamName } from "../../../shared/etsi004/types.ts";
import { fail } from "../../../shared/errors/errors.ts";
import { KEMS } from "../../../shared/kem/registry.ts";
import { LIMITS } from "../../../shared/limits.ts";
import {
  between,
  exchangesOf,
  flipped,
  type HybridStreams,
  makeHybrid,
  outcome,
} from "../../../test/support/in-workerd-hybrid.ts";
import { makeStreams, newKsid, opened, poolOf, streamStub } from "../../../test/support/in-workerd-streams.ts";
import { hex, randomBytes, value } from "../../../test/support/in-workerd-pool.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../../env.ts";
import { Database } from "../../storage/database.ts";
import { EpochKeys } from "../../storage/epoch-keys.ts";
import { secretKeys } from "../../storage/epoch-store.ts";
import { migrate } from "../../storage/migrations.ts";
import { rollStep } from "./roll.ts";
import { HybridSealing } from "./sealing.ts";
import { HybridStore } from "./store.ts";
import { MIGRATIONS } from "../schema.ts";
import { StreamStore } from "../store.ts";

const objects = env as unknown as ObjectsEnv;

const away = async () => await Promise.reject<number>(new Error("away"));

afterEach(() => vi.restoreAllMocks());

const hybridStub = (ksid: Ksid, { a, b, hybrid }: HybridStreams, role: "initiator" | "responder") => {
  const end = a.self.node === hybrid[role].node ? a : b;
  return { half: objects.KEY_STREAM.getByName(streamName(ksid, end.self.node)), to: end.self };
};

const DIFFER = /^not-confirmed: the two ends' KEM secrets differ$/;

describe("tampered with on the way", () => {
  const tampers: [string, (ksid: Ksid) => { readonly calls: () => number; readonly end: () => void }, RegExp][] = [
    [
      "a ciphertext",
      (ksid) =>
        between("offerExchange", ksid, async (call, pass) => {
          const answer = await pass(call);
          if (!answer.ok) return answer;
          const [first = new Uint8Array(), ...rest] = answer.value.ciphertexts;
          return { ok: true, value: { ...answer.value, ciphertexts: [flipped(first), ...rest] } };
        }),
      DIFFER,
    ],
    [
      "a ciphertext cut short",
      (ksid) =>
        between("offerExchange", ksid, async (call, pass) => {
          const answer = await pass(call);
          if (!answer.ok) return answer;
          const ciphertexts = answer.value.ciphertexts.map((each) => each.slice(1));
          return { ok: true, value: { ...answer.value, ciphertexts } };
        }),
      /^not-confirmed: the ciphertext of ML-KEM-768 is corrupt$/,
    ],
    [
      "no ciphertext",
      (ksid) =>
        between("offerExchange", ksid, async (call, pass) => {
          const answer = await pass(call);
          return answer.ok ? { ok: true, value: { ...answer.value, ciphertexts: [] } } : answer;
        }),
      /^not-confirmed: the other end's half answered something else$/,
    ],
    [
      "the responder's nonce",
      (ksid) =>
        between("offerExchange", ksid, async (call, pass) => {
          const answer = await pass(call);
          if (!answer.ok) return answer;
          return { ok: true, value: { ...answer.value, responderNonce: flipped(answer.value.responderNonce) } };
        }),
      DIFFER,
    ],
    [
      "the responder's tag",
      (ksid) =>
        between("offerExchange", ksid, async (call, pass) => {
          const answer = await pass(call);
          return answer.ok ? { ok: true, value: { ...answer.value, tag: flipped(answer.value.tag!) } } : answer;
        }),
      DIFFER,
    ],
    [
      "the responder's tag, left out",
      (ksid) =>
        between("offerExchange", ksid, async (call, pass) => {
          const answer = await pass(call);
          return answer.ok ? { ok: true, value: { ...answer.value, tag: null } } : answer;
        }),
      DIFFER,
    ],
    [
      "the initiator's tag",
      (ksid) =>
        between("confirmExchange", ksid, async (call, pass) => await pass({ ...call, tag: flipped(call.tag!) })),
      DIFFER,
    ],
    [
      "the initiator's tag, left out",
      (ksid) => between("confirmExchange", ksid, async (call, pass) => await pass({ ...call, tag: null })),
      DIFFER,
    ],
    [
      "the responder's own tag in place of the initiator's",
      (ksid) => {
        let tag: Uint8Array | null = null;
        const offers = between("offerExchange", ksid, async (call, pass) => {
          const answer = await pass(call);
          if (answer.ok) tag = answer.value.tag;
          return answer;
        });
        const verdicts = between("confirmExchange", ksid, async (call, pass) => await pass({ ...call, tag }));
        return { calls: offers.calls, end: () => [offers, verdicts].forEach(({ end }) => end()) };
      },
      DIFFER,
    ],
    [
      "a public key",
      (ksid) =>
        between("offerExchange", ksid, async (call, pass) => {
          const [first = new Uint8Array(), ...rest] = call.publicKeys;
          return await pass({ ...call, publicKeys: [flipped(first, first.length - 1), ...rest] });
        }),
      DIFFER,
    ],
    [
      "a public key that is none",
      (ksid) =>
        between("offerExchange", ksid, async (call, pass) => {
          const publicKeys = call.publicKeys.map((each) => each.fill(0xff));
          return await pass({ ...call, publicKeys });
        }),
      /^not-confirmed: the public key of ML-KEM-768 cannot be used$/,
    ],
  ];
  it.each(tampers)("%s: confirmed at neither end, no key, and the next exchange is sound", async (_, tamper, told) => {
    const streams = await makeHybrid({ algorithms: ["ML-KEM-768", "ML-KEM-512", "QKD"] });
    const { a, b, openBoth } = streams;
    const ksid = newKsid();
    const tampered = tamper(ksid);
    expect((await openBoth(ksid)).told.every((each) => told.test(each))).toBe(true);
    for (const end of [a, b]) expect(await outcome(end.get(ksid))).toMatch(told);
    expect(tampered.calls()).toBeGreaterThan(0);
    for (const { self } of [a, b]) expect(await exchangesOf(ksid, self.node)).toEqual([]);
    tampered.end();
    // What was on its way is not lost.
    const { indices, key } = await a.key(ksid);
    expect(indices).toEqual([0]);
    expect(await b.chunk(ksid, 0)).toBe(hex(key));
  });

  it("offers that are none are refused, and change nothing", async () => {
    const streams = await makeHybrid();
    const ksid = await streams.opened();
    const { instance } = (await value(
      poolOf(streams.pool).streamState({ configVersion: 0, ksid, sae: streams.a.self.sae }),
    ))!;
    const { half, to } = hybridStub(ksid, streams, "responder");
    const publicKeys = [randomBytes(KEMS["ML-KEM-768"].publicKeyBytes)];
    const offer = { ksid, instance, number: 0, to, initiatorNonce: randomBytes(32), publicKeys };
    const said = async (more: Partial<typeof offer>) => {
      const answer = await half.offerExchange({ ...offer, ...more });
      return answer.ok ? "taken" : `${answer.error.code} ${answer.error.message}`;
    };
    expect(await said({})).toBe("conflict source-unavailable: this exchange was made before");
    expect(await said({ initiatorNonce: randomBytes(31) })).toMatch(/^bad-request not an offer/);
    expect(await said({ publicKeys: [] })).toMatch(/^bad-request not an offer/);
    for (const number of [1, -1, 0.5, 2 ** 53]) expect(await said({ number })).toBe("bad-request no such chunks");
    expect(await said({ instance: instance + 1 })).toMatch(/^not-found/);
    expect(await said({ ksid: newKsid() })).toMatch(/^not-found/);
    expect(await said({ to: { ...to, sae: "nobody" as typeof to.sae } })).toMatch(/^not-found/);
    const own = hybridStub(ksid, streams, "initiator");
    const turned = await own.half.offerExchange({ ...offer, to: own.to });
    expect(turned).toMatchObject({ ok: false, error: { message: "this end is not the responder" } });
    expect(await streams.a.chunk(ksid, 0)).toBe(await streams.b.chunk(ksid, 0));
  });

  it("a plain stream has no exchanges", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b);
    const half = objects.KEY_STREAM.getByName(streamName(ksid, b.self.node));
    expect(await half.wantExchange({ ksid, instance: 1, number: 0, to: b.self })).toMatchObject({ ok: false });
    expect(await exchangesOf(ksid, b.self.node)).toEqual([]);
  });
});

describe("lost on the way", () => {
  it.each([
    ["the verdict before it is heard", false],
    ["the answer to it", true],
  ])("%s, and both ends start anew: the same is confirmed, and nothing is agreed on twice", async (_, isHeard) => {
    const { a, b, openBoth } = await makeHybrid();
    const ksid = newKsid();
    const lost = between("confirmExchange", ksid, async (call, pass) => {
      if (isHeard) await pass(call);
      throw new Error("lost");
    });
    const { told } = await openBoth(ksid);
    // Whoever was confirmed may give chunks: the other end comes to the same.
    for (const each of told) expect(each).toMatch(isHeard ? /^(success|peer-gone: .*)$/ : /^peer-gone: /);
    expect((await exchangesOf(ksid, a.self.node)).map(({ state }) => state)).toEqual(["agreed"]);
    const early = isHeard ? await b.chunk(ksid, 0) : null;
    lost.end();
    await Promise.all([a.crash(ksid), b.crash(ksid)]);
    const offers = between("offerExchange", ksid, async (call, pass) => await pass(call));
    const chunk = await a.chunk(ksid, 0);
    expect(offers.calls()).toBe(0);
    expect(early ?? (await b.chunk(ksid, 0))).toBe(chunk);
    expect((await exchangesOf(ksid, a.self.node)).map(({ state }) => state)).toEqual(["confirmed"]);
  });

  it("the offer's answer: the next offer takes its place", async () => {
    const { a, b, openBoth } = await makeHybrid();
    const ksid = newKsid();
    const lost = between("offerExchange", ksid, async (call, pass) => {
      await pass(call);
      throw new Error("lost");
    });
    for (const each of (await openBoth(ksid)).told) expect(each).toMatch(/^peer-gone: /);
    expect((await exchangesOf(ksid, b.self.node)).map(({ state }) => state)).toEqual(["offered"]);
    lost.end();
    expect(await b.chunk(ksid, 0)).toBe(await a.chunk(ksid, 0));
  });

  it("by the responder what was agreed on: another exchange is made, as nobody was given anything", async () => {
    const { a, b, openBoth } = await makeHybrid();
    const ksid = newKsid();
    const lost = between("confirmExchange", ksid, async () => await Promise.reject(new Error("lost")));
    await openBoth(ksid);
    lost.end();
    await runInDurableObject(streamStub(ksid, b.self.node) as never, (_: unknown, { storage }: DurableObjectState) => {
      storage.sql.exec("DELETE FROM hybrid_exchange WHERE ksid = ?", ksid);
    });
    expect(await a.chunk(ksid, 0)).toBe(await b.chunk(ksid, 0));
  });

  it("by one end what was confirmed: it is told so, and gets no other key than the other end had", async () => {
    const { a, b, opened: open } = await makeHybrid();
    const ksid = await open();
    await a.chunk(ksid, 0);
    for (const { self } of [a, b]) {
      await runInDurableObject(streamStub(ksid, self.node) as never, (_: unknown, { storage }: DurableObjectState) => {
        if (self === a.self) storage.sql.exec("DELETE FROM hybrid_exchange WHERE ksid = ?", ksid);
      });
    }
    await a.evict(ksid);
    expect(await outcome(a.get(ksid))).toBe("source-unavailable: this exchange was made before");
  });

  it("200 offers that nobody came back to: gone by the alarm", async () => {
    const streams = await makeHybrid();
    const { a, b, hybrid } = streams;
    const ksids = await Promise.all(
      Array.from({ length: 200 }, async () => (await a.open(null, { chunkBytes: 32 }, { hybrid })).ksid),
    );
    const lost = between("offerExchange", new Set(ksids), async (call, pass) => {
      await pass(call);
      return fail("unavailable", "lost");
    });
    await Promise.all(ksids.map(async (ksid) => await outcome(b.open(ksid, {}, { hybrid }))));
    lost.end();
    const left = async () =>
      (await Promise.all(ksids.map(async (ksid) => await exchangesOf(ksid, b.self.node)))).flat();
    const offered = await left();
    expect(offered.length).toBe(200);
    for (const { state, ends_ms: endsMs } of offered) {
      expect(state).toBe("offered");
      expect(endsMs).toBeLessThanOrEqual(Date.now() + LIMITS.hybridOfferMs);
    }
    for (const stub of new Map(
      ksids.map((ksid) => [streamName(ksid, b.self.node), streamStub(ksid, b.self.node)]),
    ).values()) {
      await runInDurableObject(stub as never, async (_: unknown, { storage }: DurableObjectState) => {
        expect(await storage.getAlarm()).toBeLessThanOrEqual(Date.now() + LIMITS.hybridOfferMs);
        storage.sql.exec("UPDATE hybrid_exchange SET ends_ms = 0");
      });
      await runDurableObjectAlarm(stub as never);
    }
    expect(await left()).toEqual([]);
    expect(await a.chunk(ksids[0]!, 0)).toBe(await b.chunk(ksids[0]!, 0));
  }, 120_000);
});

describe("keys at rest", () => {
  it("the Directory counts on objects that seal, and tells them of epochs", async () => {
    const { a, b, opened: open } = await makeHybrid();
    const ksid = await open();
    const directory = objects.DIRECTORY.getByName(DIRECTORY_NAME);
    const { epoch } = await value(directory.epochs());
    const known = async () =>
      await runInDurableObject(directory as never, (_: unknown, { storage }: DurableObjectState) =>
        storage.sql.exec<{ pool: string; epoch: number }>("SELECT pool, epoch FROM pool_epoch").toArray(),
      );
    for (const { self } of [a, b]) {
      expect((await exchangesOf(ksid, self.node))[0]?.epoch).toBe(epoch);
      const pool = `key-stream:${streamName(ksid, self.node)}`;
      expect((await known()).map((row) => row.pool)).toContain(pool);
      await expect
        .poll(async () => {
          await runDurableObjectAlarm(directory as never);
          return (await known()).find((row) => row.pool === pool)?.epoch;
        })
        .toBe(epoch);
    }
    const half = objects.KEY_STREAM.getByName(streamName(ksid, a.self.node));
    expect(await half.rollEpoch({ epoch })).toEqual({ ok: true, value: { remaining: false } });
    expect(await half.rollEpoch({ epoch: epoch + 1 })).toMatchObject({ ok: false, error: { code: "unavailable" } });
  });

  it("a new epoch: secrets come under its key, in bounded steps; those of a key that is gone go", async () => {
    await runInDurableObject(
      streamStub(newKsid(), "n-roll" as never) as never,
      async (_: unknown, state: DurableObjectState) => {
        const db = new Database(state.storage);
        const store = new HybridStore(db);
        const sealing = new HybridSealing(new EpochKeys(secretKeys(env), "test"), async () => await Promise.resolve(1));
        expect(await sealing.readyToSeal("x")).toBe(true);
        const ksid = newKsid();
        const open = {
          initiatorNonce: randomBytes(32),
          responderNonce: randomBytes(32),
          publicKeys: [],
          ciphertexts: [],
        };
        const name = { ksid, instance: 1 };
        const secret = randomBytes(32);
        const count = LIMITS.hybridRenewedRows + 2;
        for (let number = 0; number < count; number++) {
          const secrets = sealing.seal(secret);
          // Of epoch 3 there is no key (any more).
          const sealed = number === 1 ? { ...secrets, epoch: 3 } : secrets;
          store.put({ ...name, number, state: "confirmed", open, secrets: sealed, endsMs: null });
        }
        const commit = async (write: () => void) => await Promise.resolve(db.transaction(write));
        const step = async () => await value(rollStep({ commit }, store, sealing, 4));
        expect(await step()).toEqual({ remaining: true });
        expect(await step()).toEqual({ remaining: false });
        const lost = store.get({ ...name, number: 1 });
        expect([lost?.state, lost?.secrets.epoch, lost?.secrets.sealed.length]).toEqual(["over", 0, 0]);
        for (const number of [0, 2, count - 1]) {
          const row = store.get({ ...name, number });
          expect([row?.state, row?.secrets.epoch]).toEqual(["confirmed", 4]);
          expect(hex(sealing.open(row!.secrets))).toBe(hex(secret));
        }
        expect(sealing.canOpen(1)).toBe(false);
        state.storage.sql.exec("DELETE FROM hybrid_exchange");
      },
    );
  });

  it("without an epoch's key nothing is sealed, and the stream says so", async () => {
    await runInDurableObject(streamStub(newKsid(), "n-none" as never) as never, async () => {
      const missing = new HybridSealing(new EpochKeys(secretKeys(env), "test"), async () => await Promise.resolve(3));
      expect(await missing.readyToSeal("x")).toBe(false);
      expect(await new HybridSealing(new EpochKeys(secretKeys(env), "test"), away).readyToSeal("x")).toBe(false);
    });
  });
});

describe("records of the version before", () => {
  it("of a KeyStream: streams are where they were", async () => {
    await runInDurableObject(
      streamStub(newKsid(), "n-old" as never) as never,
      (_: unknown, state: DurableObjectState) => {
        const db = new Database(state.storage);
        for (const table of ["hybrid_exchange", "stream", "schema_version"]) db.run(`DROP TABLE ${table}`);
        migrate(db, MIGRATIONS.slice(0, 1));
        const ksid = newKsid();
        db.run("INSERT INTO stream VALUES (?, 'x|y', 0, 'sae-a', 1)", ksid);
        migrate(db, MIGRATIONS);
        expect(new StreamStore(db).get(ksid)).toEqual({ ksid, pair: "x|y", shard: 0, sae: "sae-a" });
        expect(new HybridStore(db).has(ksid)).toBe(false);
        db.run("DELETE FROM stream");
      },
    );
  });

  it("of a pool: its streams are plain, and go on", async () => {
    const { pool, a, b } = await makeStreams();
    const ksid = await opened(a, b);
    const chunk = await a.chunk(ksid, 0);
    await pool.sql("ALTER TABLE stream DROP COLUMN hybrid");
    await pool.sql("ALTER TABLE key_record DROP COLUMN hop");
    for (const table of ["hop_use", "block_relay", "foreign_key"]) await pool.sql(`DROP TABLE ${table}`);
    await pool.sql("DROP TRIGGER block_relay_gone");
    await pool.sql("UPDATE schema_version SET version = 3");
    await Promise.all([pool.evict(), a.evict(ksid), b.evict(ksid)]);
    expect(await b.chunk(ksid, 0)).toBe(chunk);
    expect(await b.chunk(ksid, 1)).toBe(await a.chunk(ksid, 1));
  });
});
