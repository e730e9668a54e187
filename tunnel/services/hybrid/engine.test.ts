import { createHash, randomBytes } from "node:crypto";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { peerMessageText } from "../../../shared/hybrid/peer/messages.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { Kems } from "../../../shared/kem/kem.ts";
import { Supply, UUIDS, Wire } from "../../../test/support/hybrid-wire.ts";
import { makeKems } from "../../kem/kems.ts";
import { partners } from "./config.ts";
import { HybridEngine } from "./engine.ts";
import type { HybridFailure } from "./failure.ts";
import type { Seen } from "./reports.ts";
import { type HybridStreams, streamsFor } from "./streams.ts";

const uris = (sources: string, method = "qkdedge-hkdf-v1", [from, to] = [0, 1]) => ({
  source: `hybrid://SPI_1@${UUIDS[from ?? 0]}?hybridization=${method}&${sources}`,
  destination: `hybrid://SPI_1@${UUIDS[to ?? 1]}?hybridization=${method}&${sources}`,
});
const never = new AbortController().signal;
const kems = makeKems();
afterAll(async () => await kems.close());

interface End {
  readonly engine: HybridEngine;
  readonly streams: HybridStreams;
  readonly supply: Supply;
  readonly reported: Seen[];
}

interface Settings {
  readonly compat?: boolean;
  readonly kems?: readonly Kems[];
}

function ends(wire: Wire, { compat = false, kems: own = [] }: Settings = {}): readonly [End, End] {
  const make = (self: number): End => {
    const peer = 1 - self;
    const node = [{ id: `tn-${self}`, uuid: UUIDS[self] ?? "" }];
    const peers = [
      {
        uuid: UUIDS[peer] ?? "",
        site: `site-${peer}`,
        compat_short_keys: compat,
        allow_seed_fallback: false,
        index_zero_is_next: false,
      },
    ];
    const supply = new Supply();
    const reported: Seen[] = [];
    const engine = new HybridEngine(
      { nodes: node, partners: partners({ node, peer: peers }, `site-${self}`) },
      {
        kems: own[self] ?? kems,
        qkd: supply,
        channel: { reach: (site) => Promise.resolve(ok(wire.reach(self, Number(site.slice(-1))))) },
        reports: { tell: (seen) => void reported.push(seen) },
        log: () => {},
        nowMs: () => performance.now(),
        randomBytes: (lengthBytes) => new Uint8Array(randomBytes(lengthBytes)),
      },
      () => Promise.resolve(err({ code: "unknown-peer", detail: "no modules here" })),
    );
    wire.engines.set(self, engine);
    onTestFinished(() => engine.close());
    return { engine, supply, reported, streams: streamsFor(engine, { sae: `sae-${self}`, node: `tn-${self}` }) };
  };
  return [make(0), make(1)];
}

const wish = (of: ReturnType<typeof uris>, more: object = {}) => ({ ...of, chunkBytes: 32, timeoutMs: 2000, ...more });

async function openBoth([a, b]: readonly [End, End], of: ReturnType<typeof uris>, more: object = {}): Promise<Ksid> {
  const [one, other] = await Promise.all([
    a.streams.open(wish(of, more), never),
    b.streams.open(wish(of, more), never),
  ]);
  expect([one, other]).toMatchObject([{ ok: true }, { ok: true }]);
  if (!one.ok || !other.ok) throw new Error("not open");
  expect(other.value).toBe(one.value);
  return one.value;
}

interface Got {
  readonly key: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

async function getKey({ streams }: End, ksid: Ksid, index: number): Promise<Got | HybridFailure> {
  const got = await streams.getKey(ksid, index, never);
  if (!got.ok) return got.error;
  return {
    key: Buffer.from(got.value.key).toString("hex"),
    metadata: JSON.parse(got.value.metadata) as Got["metadata"],
  };
}

const code = (of: Promise<Result<Ksid, HybridFailure>>) =>
  of.then((opened) => (opened.ok ? "open" : opened.error.code));

const QKD_MLKEM = "key_sources=ML-KEM-768,QKD";

describe("keys at both ends", () => {
  test.each([
    ["qkdedge-hkdf-v1", QKD_MLKEM, 32, true],
    ["qkdedge-hkdf-v1", "key_sources=ML-KEM-512,sntrup761,ML-KEM-512", 100, true],
    ["qkdedge-hkdf-v1", "key_sources=QKD", 64, true],
    ["cat-kdf", QKD_MLKEM, 48, true],
    ["cas-kdf", QKD_MLKEM, 32, true],
    ["xoring", QKD_MLKEM, 32, false],
    ["xorhmac", "kem_mec=Kyber512", 32, false],
    ["hmac", "key_sources=BIKE-L1,HQC-128,QKD", 32, false],
  ])("%s of %s: equal, and another for each index", async (method, sources, chunkBytes, confirmed) => {
    const wire = new Wire();
    const both = ends(wire);
    const ksid = await openBoth(both, uris(sources, method), { chunkBytes });
    const keys = new Set<string>();
    for (const index of [0, 1, 7, 2]) {
      const got = await Promise.all(both.map(async (end) => await getKey(end, ksid, index)));
      expect(got[0]).toEqual(got[1]);
      expect(got[0]).toMatchObject({ metadata: { method, confirmed, kem: "agent" } });
      const { key } = got[0] as Got;
      expect(key).toHaveLength(2 * chunkBytes);
      keys.add(key);
    }
    expect(keys.size).toBe(4);
    for (const { supply } of both) expect(new Set(supply.taken).size).toBe(supply.taken.length);
  });

  test("no secret, and no key, goes over the wire", async () => {
    const wire = new Wire();
    const both = ends(wire);
    const ksid = await openBoth(both, uris(QKD_MLKEM));
    const got = (await getKey(both[0], ksid, 0)) as Got;
    const said = wire.seen.map((message) => peerMessageText(message)).join("\n");
    const secrets = both[0].supply.taken.map((number) => createHash("sha256").update(String(number)).digest());
    for (const secret of [...secrets, Buffer.from(got.key, "hex")])
      expect(said).not.toContain(secret.toString("base64"));
  });

  test("ten at once on one pair: ten keys, each equal at its two ends", async () => {
    const both = ends(new Wire());
    const of = uris(QKD_MLKEM);
    const opened = await Promise.all(
      both.map(({ streams }) => Promise.all(Array.from({ length: 10 }, () => streams.open(wish(of), never)))),
    );
    const [ours = [], theirs = []] = opened.map((each) => each.map((one) => (one.ok ? one.value : ("" as Ksid))));
    expect(theirs.toSorted()).toEqual(ours.toSorted());
    const keys = await Promise.all(
      ours.map(async (ksid) => {
        const got = await Promise.all(both.map(async (end) => await getKey(end, ksid, 0)));
        expect(got[0]).toEqual(got[1]);
        return (got[0] as Got).key;
      }),
    );
    expect(new Set(keys).size).toBe(10);
  });

  test("read on from the beginning, quickly: chunks are made ahead, and still equal", async () => {
    const wire = new Wire();
    const both = ends(wire);
    const ksid = await openBoth(both, uris(QKD_MLKEM));
    const read = async (end: End) => {
      const keys: unknown[] = [];
      for (let index = 0; index < 40; index++) keys.push(await getKey(end, ksid, index));
      return keys;
    };
    const [ours, theirs] = await Promise.all([read(both[0]), read(both[1])]);
    expect(theirs).toEqual(ours);
    const makes = wire.seen.filter(({ type }) => type === "make").length;
    expect(makes).toBeLessThan(40);
  });

  test("an index again: the same key, for one who did not get the answer", async () => {
    const both = ends(new Wire());
    const ksid = await openBoth(both, uris(QKD_MLKEM));
    expect(await getKey(both[0], ksid, 3)).toEqual(await getKey(both[0], ksid, 3));
    expect(await getKey(both[1], ksid, 3)).toEqual(await getKey(both[0], ksid, 3));
  });

  test("across exchanges of KEM keys", async () => {
    const wire = new Wire();
    const both = ends(wire);
    const ksid = await openBoth(both, uris(QKD_MLKEM));
    for (const index of [LIMITS.hybridEpochChunks, LIMITS.hybridEpochChunks - 1, 3 * LIMITS.hybridEpochChunks + 5]) {
      const got = await Promise.all(both.map(async (end) => await getKey(end, ksid, index)));
      expect(got[0]).toMatchObject({ key: expect.any(String) as string });
      expect(got[0]).toEqual(got[1]);
    }
  });
});

describe("who does not come, or says otherwise", () => {
  test.each([0, 1])("end %i alone: told so, and nothing is left", async (alone) => {
    const both = ends(new Wire());
    const opened = both[alone]?.streams.open(wish(uris(QKD_MLKEM), { timeoutMs: 50 }), never);
    expect(await code(opened!)).toBe("peer-not-come");
    // Whoever comes too late has missed it.
    expect(await code(both[1 - alone]!.streams.open(wish(uris(QKD_MLKEM), { timeoutMs: 50 }), never))).toBe(
      "peer-not-come",
    );
  });

  test("other sources at the two ends: both are told", async () => {
    const both = ends(new Wire());
    const more = { timeoutMs: 200 };
    const opened = [
      both[0].streams.open(wish(uris(QKD_MLKEM), more), never),
      both[1].streams.open(wish(uris("key_sources=ML-KEM-512,QKD"), more), never),
    ];
    expect(await Promise.all(opened.map(code))).toEqual(["uris-differ", "uris-differ"]);
  });

  test("chunks of another length: both are told", async () => {
    const both = ends(new Wire());
    const opened = [
      both[0].streams.open(wish(uris(QKD_MLKEM)), never),
      both[1].streams.open(wish(uris(QKD_MLKEM), { chunkBytes: 16 }), never),
    ];
    expect(await Promise.all(opened.map(code))).toEqual(["qos-differs", "qos-differs"]);
  });

  test.each([
    ["key_sources=QKD", "none-such", "unknown-method"],
    ["key_sources=Kyber513,QKD", "xoring", "unknown-kem"],
    ["key_sources=", "xoring", "no-sources"],
  ])("%s by %s: %s", async (sources, method, expected) => {
    const [a] = ends(new Wire());
    expect(await code(a.streams.open(wish(uris(sources, method)), never))).toBe(expected);
  });

  test("a node that is no peer, or two others", async () => {
    const [a] = ends(new Wire());
    expect(await code(a.streams.open(wish(uris(QKD_MLKEM, "xor", [0, 2])), never))).toBe("unknown-peer");
    expect(await code(a.streams.open(wish(uris(QKD_MLKEM, "xor", [1, 2])), never))).toBe("unknown-peer");
  });

  test("a thousand that wait for nobody: the bound is kept, and others are served meanwhile", async () => {
    const both = ends(new Wire());
    const waiting = Array.from({ length: LIMITS.hybridWaiting + 50 }, (_, at) =>
      both[1].streams.open(
        wish(uris(`key_sources=QKD&kem_mec=${at % 2 === 0 ? "Kyber512" : "Kyber768"}`), { timeoutMs: 300 }),
        never,
      ),
    );
    const other = uris("key_sources=ML-KEM-512");
    expect(await code(both[1].streams.open(wish(other), never))).toBe("busy");
    const codes = await Promise.all(waiting.map(code));
    expect(codes.filter((each) => each === "busy")).toHaveLength(50);
    expect(codes.filter((each) => each === "peer-not-come")).toHaveLength(LIMITS.hybridWaiting);
    await openBoth(both, uris(QKD_MLKEM));
  });
});

describe("sources that fail", () => {
  test("required: GET_KEY fails; optional: it is left out, and that is told", async () => {
    const both = ends(new Wire());
    const required = await openBoth(both, uris(QKD_MLKEM));
    const optional = await openBoth(both, uris("req_key_sources=ML-KEM-768&opt_key_sources=QKD"));
    for (const { supply } of both) supply.empty = true;
    expect(await getKey(both[0], required, 5)).toMatchObject({ code: "source-unavailable" });
    const got = await Promise.all(both.map(async (end) => await getKey(end, optional, 5)));
    expect(got[0]).toEqual(got[1]);
    expect(got[0]).toMatchObject({ metadata: { sources: ["ML-KEM-768"], dropped: ["QKD"], confirmed: true } });
    // One end's is enough to leave it out.
    for (const alone of [0, 1]) {
      both[alone]!.supply.empty = false;
      const without = await Promise.all(both.map(async (end) => await getKey(end, optional, 6 + alone)));
      expect(without[0]).toEqual(without[1]);
      expect(without[0]).toMatchObject({ metadata: { dropped: ["QKD"] } });
      both[alone]!.supply.empty = true;
    }
    both[0].supply.empty = false;
    const again = await openBoth(both, uris("req_key_sources=ML-KEM-768&opt_key_sources=QKD"));
    const first = await Promise.all(both.map(async (end) => await getKey(end, again, 0)));
    expect(first[0]).toEqual(first[1]);
    expect(first[0]).toMatchObject({ metadata: { dropped: ["QKD"] } });
    both[1].supply.empty = false;
    const back = await Promise.all(both.map(async (end) => await getKey(end, required, 5)));
    expect(back[0]).toEqual(back[1]);
    expect(back[0]).toMatchObject({ metadata: { sources: ["ML-KEM-768", "QKD"] } });
  });

  test("what is left out is reported at both ends, once a stream", async () => {
    const both = ends(new Wire());
    for (const { supply } of both) supply.empty = true;
    const of = uris("req_key_sources=ML-KEM-768&opt_key_sources=QKD");
    const ksids = [await openBoth(both, of), await openBoth(both, of)];
    for (const ksid of ksids)
      for (const index of [0, 1, 2]) await Promise.all(both.map(async (end) => await getKey(end, ksid, index)));
    for (const [self, { reported }] of both.entries()) {
      const told = { act: "hybrid.source-dropped", node: UUIDS[self], peer: UUIDS[1 - self], sources: ["QKD"] };
      expect(reported).toEqual(ksids.map((ksid) => ({ ...told, ksid, method: "qkdedge-hkdf-v1" })));
    }
  });

  test("fewer bytes than the chunk: told so, unless the peer's compatibility is asked for", async () => {
    const strict = ends(new Wire());
    const opened = await Promise.all(
      strict.map(({ streams }) => code(streams.open(wish(uris(QKD_MLKEM, "hmac"), { chunkBytes: 48 }), never))),
    );
    const compat = ends(new Wire(), { compat: true });
    const ksid = await openBoth(compat, uris(QKD_MLKEM, "hmac"), { chunkBytes: 48 });
    const got = await Promise.all(compat.map(async (end) => await getKey(end, ksid, 0)));
    expect(got[0]).toEqual(got[1]);
    expect((got[0] as Got).key).toHaveLength(64);
    expect(opened).toContain("open");
  });

  test.each(["ML-KEM-768", "HQC-128", "BIKE-L1"])(
    "a ciphertext of %s that was changed: neither end gives key",
    async (kem) => {
      const wire = new Wire();
      const both = ends(wire);
      const ksid = await openBoth(both, uris(`key_sources=${kem},QKD`));
      wire.pass = (message) => {
        if (message.type !== "made") return message;
        const [first = new Uint8Array()] = message.made.ciphertexts ?? [];
        if (first.length > 0) first[0]! ^= 1;
        return message;
      };
      const index = LIMITS.hybridEpochChunks;
      const got = await Promise.all(both.map(async (end) => await getKey(end, ksid, index)));
      expect(got).toMatchObject([{ code: "not-confirmed" }, { code: "not-confirmed" }]);
    },
  );

  test("QKD keys that differ: neither end gives key", async () => {
    const both = ends(new Wire());
    const ksid = await openBoth(both, uris(QKD_MLKEM));
    both[1].supply.wrong = true;
    expect(both.map(({ reported }) => reported)).toEqual([[], []]);
    const got = await Promise.all(both.map(async (end) => await getKey(end, ksid, 9)));
    expect(got).toMatchObject([{ code: "not-confirmed" }, { code: "not-confirmed" }]);
    for (const { streams, reported } of both) {
      streams.close(ksid);
      expect(reported).toMatchObject([{ act: "hybrid.not-confirmed", ksid, sources: ["ML-KEM-768", "QKD"] }]);
    }
  });
});

describe("connections that break", () => {
  test.each(["make", "made", "confirm", "want"])(
    "just when `%s` was said: the index is the same key at both ends",
    async (lost) => {
      const wire = new Wire();
      const both = ends(wire);
      const ksid = await openBoth(both, uris(QKD_MLKEM));
      let left = 1;
      wire.pass = (message) => {
        if (message.type !== lost || left === 0) return message;
        left -= 1;
        setImmediate(() => wire.break());
        return null;
      };
      const read = async (end: End): Promise<unknown> => {
        for (let attempt = 0; attempt < 20; attempt++) {
          const got = await getKey(end, ksid, 4);
          if ("key" in got) return got;
        }
        return null;
      };
      const theirs = await read(both[1]);
      const ours = await read(both[0]);
      expect(ours).not.toBeNull();
      expect(theirs).toEqual(ours);
      expect(left).toBe(0);
    },
  );

  test("closed at one end: what was made is still fetched at the other, and nothing more", async () => {
    const both = ends(new Wire());
    const ksid = await openBoth(both, uris(QKD_MLKEM));
    const got = await Promise.all(both.map(async (end) => await getKey(end, ksid, 0)));
    both[0].streams.close(ksid);
    expect(both[0].streams.has(ksid)).toBe(false);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(await getKey(both[1], ksid, 0)).toEqual(got[1]);
    expect(await getKey(both[1], ksid, 1)).toMatchObject({ code: "peer-gone" });
    both[1].streams.close(ksid);
  });

  test("a session is nobody else's", async () => {
    const both = ends(new Wire());
    const ksid = await openBoth(both, uris(QKD_MLKEM));
    const other = streamsFor(both[0].engine, { sae: "sae-2", node: "tn-0" });
    expect(other.has(ksid)).toBe(false);
    expect(await other.getKey(ksid, 0, never)).toMatchObject({ error: { code: "unknown-stream" } });
  });
});
