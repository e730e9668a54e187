import { once } from "node:events";
import type { Socket } from "node:net";
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createAuthority } from "../../../pki/authority.ts";
import { named, siteCertificate } from "../../../test/support/site-certificate.ts";
import { brokenOff, connectTo, readToEnd, serve, startAgent, startHub } from "../../../test/support/tunnel-agent.ts";
import type { AgentConfigInput } from "../config/schema.ts";

interface Certificates {
  readonly exposing: NonNullable<AgentConfigInput["certificate"]>;
  readonly listening: NonNullable<AgentConfigInput["certificate"]>;
}

async function twoSites({ exposing, listening }: Certificates, onConnection: (socket: Socket) => void) {
  const hub = await startHub();
  const port = await serve(onConnection);
  const one = await startAgent(hub, "site-a", {
    service: [{ name: "kme", host: "127.0.0.1", port, allow: ["site-b", "@edge"], tls: true }],
    certificate: exposing,
  });
  await one.ready;
  const other = await startAgent(hub, "site-b", {
    listen: [{ port: 0, site: "site-a", service: "kme", tls: true }],
    certificate: listening,
  });
  await other.ready;
  return { hub, one, other, port: other.agent.listeners[0]!.port };
}

test("bytes both ways and half-close, in TLS that the hub only relays", async () => {
  const ca = await createAuthority("sites");
  const seen: Buffer[] = [];
  const { hub, port } = await twoSites(
    { exposing: await siteCertificate(ca, named("site-a")), listening: await siteCertificate(ca, named("site-b")) },
    (socket) => void readToEnd(socket).then((all) => socket.end(all)),
  );
  hub.ownerOf("site-a")!.on("message", (data: Buffer) => void seen.push(data));
  const sent = Buffer.concat([Buffer.from("a text to look for"), randomBytes(3_000_000)]);
  const socket = await connectTo(port);
  socket.end(sent);
  expect((await readToEnd(socket)).equals(sent)).toBe(true);
  const relayed = Buffer.concat(seen);
  expect(relayed.length).toBeGreaterThan(3_000_000);
  expect(relayed.includes("a text to look for")).toBe(false);
});

test("the edge itself gets nothing of it", async () => {
  const ca = await createAuthority("sites");
  const own = await siteCertificate(ca, named("site-a"));
  const { hub } = await twoSites({ exposing: own, listening: await siteCertificate(ca, named("site-b")) }, () => {});
  for (const target of ["kme", "http/kme"]) {
    const opened = await hub.openAsHub("site-a", target).opened;
    expect(opened.ok ? null : opened.error.code).toBe("not-allowed");
  }
});

test("a listening agent with another site's certificate reaches nothing", async () => {
  const ca = await createAuthority("sites");
  const dialled: string[] = [];
  const { one, port } = await twoSites(
    { exposing: await siteCertificate(ca, named("site-a")), listening: await siteCertificate(ca, named("site-c")) },
    () => dialled.push("dialled"),
  );
  expect(await brokenOff(port)).toBe("ECONNRESET");
  expect((await one.lines.seen("TLS between the agents failed")).fields["reason"]).toContain("is not that of site-b");
  expect(dialled).toEqual([]);
});

test("an exposing agent with another site's certificate is sent nothing", async () => {
  const ca = await createAuthority("sites");
  const heard: Buffer[] = [];
  const { other, port } = await twoSites(
    { exposing: await siteCertificate(ca, named("site-c")), listening: await siteCertificate(ca, named("site-b")) },
    (socket) => socket.on("data", (chunk) => heard.push(chunk)),
  );
  expect(await brokenOff(port)).toBe("ECONNRESET");
  expect((await other.lines.seen("TLS between the agents failed")).fields["reason"]).toContain("is not that of site-a");
  expect(heard).toEqual([]);
});

test("so is one of another authority, on either side", async () => {
  const [ca, stranger] = [await createAuthority("sites"), await createAuthority("sites")];
  const { one, port } = await twoSites(
    {
      exposing: await siteCertificate(ca, named("site-a")),
      listening: await siteCertificate(stranger, named("site-b"), ca),
    },
    (socket) => void socket.end("never"),
  );
  expect(await brokenOff(port)).toBe("ECONNRESET");
  expect((await one.lines.seen("TLS between the agents failed")).fields["reason"]).toContain("not to be trusted");
});

test("a certificate may be known by a DNS name", async () => {
  const ca = await createAuthority("sites");
  const exposing = await siteCertificate(ca, [{ type: "dns", value: "A.kme.example" }]);
  const listening = await siteCertificate(ca, named("site-b"));
  const { port } = await twoSites(
    { exposing, listening: { ...listening, dns: { "site-a": "a.kme.example" } } },
    (socket) => void socket.end("hello"),
  );
  const socket = await connectTo(port);
  expect(String(await readToEnd(socket))).toBe("hello");
});

test("a device that breaks off is heard of through TLS", async () => {
  const ca = await createAuthority("sites");
  const { port } = await twoSites(
    { exposing: await siteCertificate(ca, named("site-a")), listening: await siteCertificate(ca, named("site-b")) },
    (socket) => socket.once("data", () => socket.resetAndDestroy()),
  );
  const socket = await connectTo(port);
  socket.write("x");
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
});
