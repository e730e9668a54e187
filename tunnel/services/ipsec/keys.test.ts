import { randomBytes } from "node:crypto";
import net from "node:net";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { ksidOfText } from "../../../shared/etsi004/ksid.ts";
import type { KeyWish } from "../../../shared/ipsec/errand.ts";
import { err, ok } from "../../../shared/result.ts";
import { Supply, UUIDS, Wire } from "../../../test/support/hybrid-wire.ts";
import { serve } from "../../../test/support/tunnel-agent.ts";
import { makeKems } from "../../kem/kems.ts";
import type { EdgeStreams } from "../etsi004/edge-streams.ts";
import { startTcpService } from "../etsi004/tcp-service.ts";
import { jsonProtocol } from "../etsi004-json/service.ts";
import { partners } from "../hybrid/config.ts";
import type { HybridOpener } from "../hybrid/engine-types.ts";
import { HybridEngine } from "../hybrid/engine.ts";
import { failed } from "../hybrid/failure.ts";
import { streamsFor } from "../hybrid/streams.ts";
import { type FetchKey, keysOfEngine } from "./keys.ts";
import { keysOfModule } from "./module-keys.ts";

const never = new AbortController().signal;
const kems = makeKems();
afterAll(async () => await kems.close());

const SOURCES = "req_key_sources=ML-KEM-768&opt_key_sources=QKD";
const wish = (more: Partial<KeyWish> = {}, query = `hybridization=qkdedge-hkdf-v1&${SOURCES}`): KeyWish => ({
  source: `hybrid://SPI_1@${UUIDS[0]}?${query}`,
  destination: `hybrid://SPI_1@${UUIDS[1]}?${query}`,
  keyBytes: 36,
  chunkBytes: 36,
  waitMs: 5000,
  ...more,
});

/** Two agents' engines, and what lies between. */
function agents() {
  const wire = new Wire();
  const engines = [0, 1].map((self) => {
    const node = [{ id: `tn-${self}`, uuid: UUIDS[self] ?? "" }];
    const peer = [
      { uuid: UUIDS[1 - self] ?? "", site: `site-${1 - self}`, compat_short_keys: false, allow_seed_fallback: false },
    ];
    const supply = new Supply();
    const engine = new HybridEngine(
      { nodes: node, partners: partners({ node, peer }, `site-${self}`) },
      {
        kems,
        qkd: supply,
        channel: { reach: (site) => Promise.resolve(ok(wire.reach(self, Number(site.slice(-1))))) },
        reports: { tell: () => undefined },
        log: () => undefined,
        nowMs: () => performance.now(),
        randomBytes: (lengthBytes) => new Uint8Array(randomBytes(lengthBytes)),
      },
      () => Promise.resolve(err({ code: "unknown-peer", detail: "no modules here" })),
    );
    wire.engines.set(self, engine);
    onTestFinished(() => engine.close());
    return { engine, supply, own: { sae: `sae-${self}`, node: `tn-${self}` } };
  });
  const [a, b] = engines;
  if (a === undefined || b === undefined) throw new Error("two are needed");
  return { a, b, wire };
}

type End = ReturnType<typeof agents>["a"];
const keysOf = ({ engine, own }: End): FetchKey => keysOfEngine(engine, own);

/** Both ends at once, as errands of one SA are. */
async function both(a: FetchKey, b: FetchKey, of = wish()) {
  const [one, other] = await Promise.all([a(of, never), b(of, never)]);
  if (!one.ok || !other.ok) throw new Error(JSON.stringify([one, other]));
  return [one.value, other.value] as const;
}

test("the two ends have the same key, of the same session, and never the same twice", async () => {
  const { a, b } = agents();
  const [one, other] = await both(keysOf(a), keysOf(b));
  expect(one.key).toHaveLength(36);
  expect(one.key).toEqual(other.key);
  expect(one.made).toEqual({ ksid: other.made.ksid, sources: ["ML-KEM-768", "QKD"], dropped: [], confirmed: true });
  const [again] = await both(keysOf(a), keysOf(b));
  expect(again.key).not.toEqual(one.key);
  expect(again.made.ksid).not.toBe(one.made.ksid);
  // Nothing is left open.
  const ksid = ksidOfText(one.made.ksid);
  if (ksid === null) expect.unreachable();
  expect([a, b].map(({ engine, own }) => engine.sessionOf(ksid, own))).toEqual([null, null]);
});

test("an end that closes at once takes no key from the other, whatever crosses on the way", async () => {
  const { a, b, wire } = agents();
  const [late, together]: (() => void)[][] = [[], []];
  const heard = Promise.withResolvers<void>();
  wire.engines.set(0, {
    message: (from, message) => {
      const pass = () => a.engine.message(from, message);
      if (message.type === "want") late?.push(pass);
      else pass();
    },
    closed: () => undefined,
  });
  wire.engines.set(1, {
    message: (from, message) => {
      const pass = () => b.engine.message(from, message);
      if (message.type === "confirm" || message.type === "close" || message.type === "failed") together?.push(pass);
      else pass();
      if (message.type === "failed") heard.resolve();
    },
    closed: () => undefined,
  });
  const [one, other] = [keysOf(a)(wish(), never), keysOf(b)(wish(), never)];
  const first = await one;
  for (const pass of late ?? []) pass();
  await heard.promise;
  for (const pass of together ?? []) pass();
  const second = await other;
  expect([first, second]).toMatchObject([{ ok: true }, { ok: true }]);
  if (first.ok && second.ok) expect(second.value.key).toEqual(first.value.key);
});

test("an optional source that gives nothing is told; a required one is missed", async () => {
  const { a, b } = agents();
  a.supply.empty = true;
  b.supply.empty = true;
  const [one] = await both(keysOf(a), keysOf(b));
  expect(one.made).toMatchObject({ sources: ["ML-KEM-768"], dropped: ["QKD"] });
  const needy = wish({}, "hybridization=qkdedge-hkdf-v1&req_key_sources=ML-KEM-768,QKD");
  const ended = new AbortController();
  const waiting = keysOf(b)(needy, ended.signal);
  expect(await keysOf(a)(needy, never)).toMatchObject({ ok: false, error: { reason: "required-source-missing" } });
  ended.abort();
  expect(await waiting).toMatchObject({ ok: false });
});

test("nobody comes: that is told when the time is over", async () => {
  const { a, b } = agents();
  for (const end of [a, b]) {
    expect(await keysOf(end)(wish({ waitMs: 20 }), never)).toMatchObject({
      ok: false,
      error: { reason: "peer-not-come" },
    });
  }
});

test("an end that has too much to do for a moment is asked again", async () => {
  const { a, b } = agents();
  const first = [failed("busy", "much to do"), failed("peer-gone", "the connection is lost")];
  const opener: HybridOpener = {
    open: async (...asked) => first.pop() ?? (await a.engine.open(...asked)),
    sessionOf: (...asked) => a.engine.sessionOf(...asked),
    closeSession: (session) => a.engine.closeSession(session),
  };
  const [one, other] = await both(keysOfEngine(opener, a.own), keysOf(b));
  expect(one.key).toEqual(other.key);
  expect(first).toEqual([]);
});

test.each([
  ["unknown-peer", "key-failed"],
  ["source-unavailable", "required-source-missing"],
  ["timeout", "peer-not-come"],
  ["not-confirmed", "key-failed"],
] as const)("%s of the engine is %s", async (code, reason) => {
  const opener = {
    open: () => Promise.resolve(failed(code, "detail")),
    sessionOf: () => null,
    closeSession: () => undefined,
  };
  const got = await keysOfEngine(opener, { sae: "s", node: "n" })(wish({ waitMs: 20 }), never);
  expect(got).toEqual({ ok: false, error: { reason, message: `${code}: detail` } });
});

test("an agent that ends waits for nobody", async () => {
  const { a } = agents();
  const ended = new AbortController();
  const got = keysOf(a)(wish(), ended.signal);
  ended.abort();
  expect(await got).toMatchObject({ ok: false, error: { reason: "interrupted" } });
});

const answering = (...answers: readonly object[]): Promise<number> =>
  serve((socket) => {
    const left = [...answers];
    socket.on("data", () => {
      const next = left.shift();
      if (next === undefined) socket.destroy();
      else socket.write(JSON.stringify(next));
    });
  });
const ask = async (port: number, waitMs = 50) =>
  await keysOfModule({ host: "127.0.0.1", port })(wish({ waitMs }), never);
describe("from a listener of JSON over TCP", () => {
  const NO_STREAMS = { open: () => expect.unreachable() } as unknown as EdgeStreams;

  async function listener({ engine, own }: End): Promise<FetchKey> {
    const config = { kind: "json-tcp", address: "127.0.0.1", port: 0, insecure_lan: false, ...own } as const;
    const protocol = jsonProtocol(NO_STREAMS, streamsFor(engine, own), false);
    const service = await startTcpService({
      config: { ...config, allow: [], index_zero_is_next: false },
      protocol,
      log: () => undefined,
    });
    onTestFinished(() => service.close());
    return keysOfModule({ host: "127.0.0.1", port: service.port });
  }

  test("the same key as the other end has by its own engine", async () => {
    const { a, b } = agents();
    const [one, other] = await both(await listener(a), keysOf(b));
    expect(one.key).toEqual(other.key);
    expect(one.made).toEqual(other.made);
  });

  test("its words say why there is none", async () => {
    const { a } = agents();
    const got = await (await listener(a))(wish({ waitMs: 20 }), never);
    expect(got).toMatchObject({ ok: false, error: { reason: "peer-not-come" } });
  });

  const OPENED = { status: 0, key_stream_id: "k" };

  test.each([
    ["the original's refusal", [{ status: 1, message: "None of the key sources could open connect." }]],
    ["no KSID", [{ status: 0 }]],
    ["no octets", [OPENED, { status: 0, key_buffer: [256] }]],
    ["too few octets", [OPENED, { status: 0, key_buffer: [1, 2, 3] }, { status: 0 }]],
    ["no answer", [OPENED]],
  ])("%s is no key", async (_, answers) => {
    expect(await ask(await answering(...answers))).toMatchObject({ ok: false, error: { reason: "key-failed" } });
  });

  test("nor is a port where nobody listens; a module without metadata tells no sources", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await ask(port)).toMatchObject({ ok: false, error: { reason: "key-failed" } });
    const octets = Array.from({ length: 36 }, (_, at) => at);
    const got = await ask(await answering(OPENED, { status: 0, key_buffer: octets }, { status: 0 }));
    expect(got).toEqual({
      ok: true,
      value: { key: Uint8Array.from(octets), made: { ksid: "k", sources: [], dropped: [], confirmed: false } },
    });
  });
});
