import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { Errand, ErrandLine } from "../../shared/ipsec/errand.ts";
import { StreamError } from "../../shared/mux/codes.ts";
import type { MuxStream } from "../../shared/mux/stream.ts";
import { createSad, GCM_256_BYTES, spdEntry } from "../../test/support/ipsec-hosts.ts";
import { serve, startAgent, startHub, temporaryFolder } from "../../test/support/tunnel-agent.ts";
import { checkConfig } from "./config/load.ts";
import type { AgentConfigInput } from "./config/schema.ts";

const UUIDS = ["a", "b"].map((letter) => [8, 4, 4, 4, 12].map((digits) => letter.repeat(digits)).join("-"));

/** Two nodes of one site, whose keys are made in this one agent. */
async function site(ports: readonly number[]): Promise<Partial<AgentConfigInput>> {
  const password = path.join(temporaryFolder(), "password");
  writeFileSync(password, "secret\n");
  return {
    hybrid: { node: UUIDS.map((uuid, at) => ({ id: `tn-${at}`, uuid })), peer: [] },
    ipsec: ports.map((port, at) => ({
      node: `tn-${at}`,
      sae: `sae-${at}`,
      netconf: {
        host: "127.0.0.1",
        port,
        user: "admin",
        password_file: password,
        host_key: `SHA256:${"A".repeat(43)}`,
        timeout_ms: 1000,
      },
      listen: { port: 0 },
    })),
  };
}

const QUERY = "hybridization=qkdedge-hkdf-v1&req_key_sources=ML-KEM-512";
const WISH = {
  source: `hybrid://SPI_300@${UUIDS[0]}?${QUERY}`,
  destination: `hybrid://SPI_300@${UUIDS[1]}?${QUERY}`,
  keyBytes: GCM_256_BYTES,
  chunkBytes: GCM_256_BYTES,
  waitMs: 5000,
};

async function exchange(stream: MuxStream, errand: Errand) {
  const body = Buffer.from(JSON.stringify(errand));
  const head = Buffer.from(
    JSON.stringify({ method: "POST", target: "/errands", headers: ["content-length", String(body.length)] }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  await stream.write(Buffer.concat([length, head, body]));
  await stream.end();
  const pieces: Uint8Array[] = [];
  for (let piece = await stream.read(); piece !== null; piece = await stream.read()) pieces.push(piece);
  const all = Buffer.concat(pieces);
  const end = 4 + all.readUInt32BE(0);
  const { status } = JSON.parse(all.subarray(4, end).toString()) as { status: number };
  const texts = all.subarray(end).toString().split("\n");
  return { status, lines: texts.filter((text) => text !== "").map((text) => JSON.parse(text) as ErrandLine) };
}

test("errands of the edge, and of nobody else, by the service that the hub is told of", async () => {
  const hub = await startHub();
  const { agent, ready, lines } = await startAgent(hub, "site-a", await site([1, 1]));
  await ready;
  expect(await hub.servicesOf("site-a")).toEqual([{ name: "ipsec", allow: ["@edge"], tls: false, port: null }]);
  expect(agent.ipsec?.ports.map(({ port }) => port > 0)).toEqual([true, true]);
  const errand = {
    id: randomUUID(),
    node: "tn-0",
    again: false,
    operations: [{ do: "create-spd", entry: spdEntry("p") }],
  } as const;
  const unreachable = { ok: false, reason: "host-unreachable", message: expect.stringContaining("ECONNREFUSED") };
  const done = { status: 200, lines: [{ index: 0, result: unreachable }, { end: "done" }] };
  expect(await exchange(hub.openAsHub("site-a", "http/ipsec"), errand)).toEqual(done);
  expect(await exchange(hub.openAsHub("site-a", "http/ipsec"), { ...errand, again: true })).toEqual(done);
  const raw = hub.openAsHub("site-a", "ipsec");
  await expect(raw.read()).rejects.toBeInstanceOf(StreamError);
  await lines.seen("the IPsec host's notifications are not heard");
});

test("both ends of an SA, each by its own errand: the same session", async () => {
  const hub = await startHub();
  // Something that is no SSH server, for which nothing leaves the agent.
  const port = await serve((socket) => socket.end("HTTP/1.1 400\r\n\r\n"));
  const { ready } = await startAgent(hub, "site-a", await site([port, port]));
  await ready;
  const errands = ["tn-0", "tn-1"].map((node): Errand => ({
    id: randomUUID(),
    node,
    again: false,
    operations: [{ ...createSad(300, WISH), do: "hold" } as Errand["operations"][number]],
  }));
  const done = await Promise.all(errands.map((errand) => exchange(hub.openAsHub("site-a", "http/ipsec"), errand)));
  const [one, other] = done.map(({ lines: [line] }) =>
    line !== undefined && "result" in line && line.result.ok ? line.result.key : null,
  );
  expect(one).toMatchObject({ sources: ["ML-KEM-512"], dropped: [], confirmed: true });
  expect(other).toEqual(one);
});

const NETCONF = { host: "h", user: "u", password_file: "p", host_key: `SHA256:${"A".repeat(43)}` };
const HYBRID = { node: [{ id: "tn-1", uuid: UUIDS[0] ?? "" }] };
const ONE = { node: "tn-1", netconf: NETCONF, sae: "s" };

test.each<[string, Partial<AgentConfigInput>, string]>([
  ["no source of keys", { ipsec: [{ node: "tn-1", netconf: NETCONF }] }, "either sae"],
  ["two of them", { hybrid: HYBRID, ipsec: [{ ...ONE, hybrid_module: "127.0.0.1:1" }] }, "either sae"],
  ["keys of nobody's making", { ipsec: [ONE] }, "needs [hybrid]"],
  ["another node's", { hybrid: HYBRID, ipsec: [{ ...ONE, node: "tn-2" }] }, "needs [hybrid]"],
  ["one node twice", { hybrid: HYBRID, ipsec: [ONE, ONE] }, "two IPsec hosts of the same node"],
  [
    "a service of that name",
    { hybrid: HYBRID, ipsec: [ONE], service: [{ name: "ipsec", host: "h", port: 1 }] },
    'no [[service]] can be called "ipsec"',
  ],
  ["a port for all", { hybrid: HYBRID, ipsec: [{ ...ONE, listen: { address: "0.0.0.0" } }] }, "insecure_lan"],
  [
    "a port for two",
    {
      hybrid: HYBRID,
      ipsec: [{ ...ONE, listen: {} }],
      etsi004: [{ kind: "binary", port: 3000, sae: "s", node: "tn-1" }],
    },
    "the same address",
  ],
  [
    "a callback that is no URL of the web",
    { hybrid: HYBRID, ipsec: [{ ...ONE, controller_callback: "ftp://x/" }] },
    "https://",
  ],
])("%s is no configuration", (_, config, words) => {
  expect(() => checkConfig({ edge: "https://e", site: "s", ...config })).toThrow(words);
});
