/** TLS between the two agents, inside the stream: what the edge gets to see, and which certificates count. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { siteUri } from "../../pki/site-name.ts";
import { type Authority, createAuthority, issue } from "../../pki/authority.ts";
import { brokenOff, connectTo, readToEnd, serve, temporaryFolder } from "../support/tunnel-agent.ts";
import { tunnelNetwork, type TunnelNetwork, twoSites } from "../support/tunnel-net.ts";
import { WireTap } from "../support/tunnel-wire.ts";

let network: TunnelNetwork;
let authority: Authority;
beforeAll(async () => {
  network = await tunnelNetwork();
  authority = await createAuthority("sites");
});
afterAll(() => network.stop());

/** Options of an agent with a certificate that says it is that site's. */
async function certified(site: string, by = authority): Promise<string[]> {
  const folder = temporaryFolder();
  const sans = [{ type: "url", value: siteUri(site) } as const];
  const { certificate, key } = await issue(by, { commonName: site, usage: "server", sans });
  const file = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem);
    return join(folder, name);
  };
  return [
    "--tls",
    "--cert",
    file("site.crt", certificate),
    "--key",
    file("site.key", key),
    "--site-ca",
    file("ca.crt", authority.certificate.toString("pem")),
  ];
}

const QUESTION = "a question that only site A shall read";
const ANSWER = "an answer that only site B shall read";
const answering = (socket: Socket): void => void readToEnd(socket).then(() => socket.end(ANSWER));

/** All that goes over the edge while a question is asked. */
async function overheard(tap: WireTap, options: { exposing?: string[]; listening?: string[] }): Promise<string> {
  const before = tap.frames.length;
  const { a, b, port } = await twoSites(network, await serve(answering), { ...options, url: tap.url });
  const socket = await connectTo(port);
  socket.end(QUESTION);
  expect(String(await readToEnd(socket))).toBe(ANSWER);
  await Promise.all([a.stop(), b.stop()]);
  return Buffer.concat(tap.frames.slice(before)).toString("latin1");
}

test("the edge sees what is said without TLS, and nothing of it with TLS", async () => {
  const tap = await WireTap.start(network.edge, { port: network.proxyPort });
  const plain = await overheard(tap, {});
  expect(plain).toContain(QUESTION);
  expect(plain).toContain(ANSWER);
  const sealed = await overheard(tap, { exposing: await certified("site-a"), listening: await certified("site-b") });
  expect(sealed.length).toBeGreaterThan(2000);
  expect(sealed).not.toContain("site A");
  expect(sealed).not.toContain("site B");
  // TLS 1.3 shows no certificate either.
  expect(sealed).not.toContain(siteUri("site-a"));
});

test("a certificate of another site is refused, and nothing dialled for who shows it", async () => {
  let dialled = 0;
  const device = await serve((socket) => {
    dialled++;
    socket.resume();
  });
  const { a, port } = await twoSites(network, device, {
    exposing: await certified("site-a"),
    listening: await certified("site-c"),
  });
  const socket = await connectTo(port);
  await once(socket, "error");
  expect(await a.seen("TLS between the agents failed")).toContain("is not that of site-b (URI:qkd-site:site-b)");
  expect(dialled).toBe(0);
});

test("who passes for site A is found out by site B", async () => {
  const { b, port } = await twoSites(network, await serve(answering), {
    exposing: await certified("site-c"),
    listening: await certified("site-b"),
  });
  expect(await brokenOff(port)).toBe("ECONNRESET");
  expect(await b.seen("TLS between the agents failed")).toContain("is not that of site-a (URI:qkd-site:site-a)");
});

test("a certificate of another authority is refused", async () => {
  const { a, port } = await twoSites(network, await serve(answering), {
    exposing: await certified("site-a"),
    listening: await certified("site-b", await createAuthority("somebody")),
  });
  const socket = await connectTo(port);
  await once(socket, "error");
  expect(await a.seen("TLS between the agents failed")).toContain("is not to be trusted");
});
