import { statSync } from "node:fs";
import path from "node:path";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { REFUSALS, type RefusalCode } from "../../../shared/tunnel/messages.ts";
import { QUICK, serve, startAgent, startHub, temporaryFolder, tokenFile } from "../../../test/support/tunnel-agent.ts";
import { backoffMs, LINK_TIMES } from "./times.ts";

const SERVICE = { service: [{ name: "kme", host: "127.0.0.1", port: 1, allow: ["@edge"], listen_port: 9000 }] };

test("enrols once, says what it exposes and not where it lies, and needs no token any more", async () => {
  const hub = await startHub();
  const token = hub.token("site-a");
  const file = tokenFile(token, 0o644);
  const first = await startAgent(hub, "site-a", { ...SERVICE, token_file: file });
  await first.ready;
  expect(await hub.servicesOf("site-a")).toEqual([{ name: "kme", allow: ["@edge"], tls: false, port: 9000 }]);
  expect(first.lines.count("others than its owner may read the token file")).toBe(1);
  expect(first.lines.count(token)).toBe(0);
  const identity = path.join(first.state, "identity.json");
  expect(statSync(identity).mode & 0o777).toBe(0o600);
  expect(statSync(first.state).mode & 0o777).toBe(0o700);
  await first.stop();
  rmSync(file);
  const second = await startAgent(hub, "site-a", { ...SERVICE, token_file: file, state: first.state });
  await second.ready;
  expect(hub.enrolled.size).toBe(1);
  expect(hub.hellos.map(({ claims }) => [claims.agent, claims.instance])).toEqual(
    Array.from({ length: 2 }, () => ["agent-of-site-a", [...hub.enrolled.keys()][0]]),
  );
});

test.each([
  [401, "wrong, or expired"],
  [403, "not one that enrols an agent of site-a"],
  [404, "knows no site site-a"],
  [409, "has been used"],
])("enrolment refused with %i: the log says why", async (status, words) => {
  const hub = await startHub();
  hub.enrolStatus = status;
  const { lines } = await startAgent(hub, "site-a", SERVICE);
  const { level, fields } = await lines.seen("cannot connect");
  expect(level).toBe("error");
  expect(fields["reason"]).toContain(words);
  expect(fields["reason"]).toContain("as the test says");
  expect(fields["retryAfterS"]).toBe(60);
});

test("an agent that is told to end does not wait for an edge that hangs", async () => {
  const asked = Promise.withResolvers<void>();
  const port = await serve((socket) => socket.on("data", () => asked.resolve()));
  const hub = await startHub();
  const { stop } = await startAgent(hub, "site-a", { ...SERVICE, edge: `http://127.0.0.1:${port}` });
  await asked.promise;
  const patience = new Promise((resolve) => setTimeout(resolve, LIMITS.agentRequestMs / 2, "too long").unref());
  expect(await Promise.race([stop(), patience])).toBeUndefined();
});

test("no token, and a token file that is none", async () => {
  const hub = await startHub();
  const missing = await startAgent(hub, "site-a", { ...SERVICE, token_file: path.join(temporaryFolder(), "none") });
  expect((await missing.lines.seen("cannot connect")).fields["reason"]).toContain("ENOENT");
  const empty = await startAgent(hub, "site-a", { ...SERVICE, token_file: tokenFile("") });
  expect((await empty.lines.seen("cannot connect")).fields["reason"]).toContain("holds no token");
});

test("an edge that is not there yet is tried until it is", async () => {
  const gone = await startHub();
  const { port } = gone;
  const token = tokenFile(gone.token("site-a"));
  const { tokens } = gone;
  await gone.close();
  const { lines, ready } = await startAgent(gone, "site-a", {
    ...SERVICE,
    edge: `http://127.0.0.1:${port}`,
    token_file: token,
  });
  expect((await lines.seen("cannot connect")).fields["reason"]).toContain("ECONNREFUSED");
  const hub = await startHub({}, port);
  for (const [each, whose] of tokens) hub.tokens.set(each, whose);
  await ready;
});

test.each(Object.entries(REFUSALS))(
  "refused (%s), at the door or later: the log says so, at the pace that the hub asks for",
  async (code, words) => {
    const hub = await startHub();
    hub.refusal = { code: code as RefusalCode, status: 403, retryAfterS: 45 };
    const refused = await startAgent(hub, "site-a", SERVICE);
    const { level, fields } = await refused.lines.seen("cannot connect");
    expect(level).toBe("error");
    expect(fields).toEqual({ hub: "site-a", reason: `refused: ${words} (${code})`, code, retryAfterS: 45 });
    expect(hub.hellos).toHaveLength(1);
    hub.refusal = null;
    const { lines, ready } = await startAgent(hub, "site-b", SERVICE);
    await ready;
    hub.dismiss("site-b", code as RefusalCode, 45_000);
    expect(await lines.seen("disconnected")).toMatchObject({
      level: "error",
      fields: { hub: "site-b", reason: `refused: ${words} (${code})`, code, retryAfterS: 45 },
    });
  },
);

test("an edge that asks for patience gets it, within bounds", async () => {
  const hub = await startHub();
  hub.busy.push({ status: 429, retryAfterS: 7 });
  const { lines } = await startAgent(hub, "site-a", SERVICE);
  const enrolling = await lines.seen("cannot connect");
  expect(enrolling).toMatchObject({ level: "warn", fields: { reason: expect.stringContaining("as the test says") } });
  expect(enrolling.fields["retryAfterS"]).toBeCloseTo(7, 0);
  const other = await startHub();
  const first = await startAgent(other, "site-a", SERVICE);
  await first.ready;
  other.busy.push({ status: 503, retryAfterS: 999_999 });
  other.cutAll();
  const { fields } = await first.lines.seen("cannot connect");
  expect(fields["reason"]).toBe("the edge answers 503 where its tunnel should be: as the test says");
  expect(fields["retryAfterS"]).toBeCloseTo(LIMITS.agentRetryAfterMs / 1000, 0);
});

test("a hub that has forgotten the agent gets a new enrolment, with a new token", async () => {
  const hub = await startHub();
  const file = tokenFile(hub.token("site-a"));
  const { lines, ready, state } = await startAgent(
    hub,
    "site-a",
    { ...SERVICE, token_file: file },
    { ...QUICK, refusedMs: 5 },
  );
  await ready;
  hub.enrolled.clear();
  writeFileSync(file, hub.token("site-a"));
  hub.cutAll();
  await lines.seen("not-enrolled");
  await hub.until(() => hub.enrolled.size === 1 && hub.ownerOf("site-a") !== null);
  expect(readFileSync(path.join(state, "enrolled.json"), "utf8")).toContain("agent-of-site-a");
});

test("a dead link is noticed by the agent", async () => {
  const hub = await startHub();
  const { lines, ready } = await startAgent(hub, "site-a", SERVICE, { ...QUICK, pingMs: 20, pongMs: 20 });
  await ready;
  hub.silent = true;
  expect((await lines.seen("disconnected")).fields["reason"]).toContain("the link is dead");
  hub.silent = false;
  await hub.until(() => hub.hellos.length >= 2);
});

test("within 45 seconds", () => {
  expect(LINK_TIMES.pingMs + LINK_TIMES.pongMs).toBeLessThanOrEqual(45_000);
  expect(LINK_TIMES.pongMs).toBeLessThan(LINK_TIMES.pingMs);
});

test("a link that answers its pings stays", async () => {
  const hub = await startHub();
  const { lines, ready } = await startAgent(hub, "site-a", SERVICE, { ...QUICK, pingMs: 10, pongMs: 9 });
  await ready;
  let pings = 0;
  hub.ownerOf("site-a")!.on("message", (_, isBinary) => (isBinary ? undefined : pings++));
  const { promise, resolve } = Promise.withResolvers<void>();
  hub.ownerOf("site-a")!.on("message", () => (pings === 5 ? resolve() : undefined));
  await promise;
  expect(lines.count("disconnected")).toBe(0);
});

test("another instance is refused, or waits in standby and takes over", async () => {
  const hub = await startHub();
  const first = await startAgent(hub, "site-a", SERVICE);
  await first.ready;
  const other = await startAgent(hub, "site-a", SERVICE);
  expect((await other.lines.seen("other-instance")).fields["retryAfterS"]).toBe(60);
  const standby = await startAgent(hub, "site-a", { ...SERVICE, standby: true });
  await standby.lines.seen("connected, in standby");
  expect(standby.lines.count("serves the site")).toBe(0);
  await first.stop();
  await standby.lines.seen("serves the site");
});

test("one state folder serves once; listening beside it is no harm", async () => {
  const hub = await startHub();
  const { state, ready } = await startAgent(hub, "site-a", SERVICE);
  await ready;
  await expect(startAgent(hub, "site-a", { ...SERVICE, state })).rejects.toThrow("another qkd-agent serves from");
  const beside = await startAgent(hub, "site-a", { state, listen: [{ port: 0, site: "site-b", service: "kme" }] });
  await beside.ready;
});

test.skipIf(process.getuid?.() === 0 && process.platform !== "linux")(
  "keys that others may read are not used",
  async () => {
    const hub = await startHub();
    const { state, ready, stop } = await startAgent(hub, "site-a", SERVICE);
    await ready;
    await stop();
    const file = path.join(state, "identity.json");
    const text = readFileSync(file);
    rmSync(file);
    writeFileSync(file, text, { mode: 0o644 });
    await expect(startAgent(hub, "site-a", { ...SERVICE, state })).rejects.toThrow("others than its owner");
    rmSync(file);
    writeFileSync(file, "{}", { mode: 0o600 });
    await expect(startAgent(hub, "site-a", { ...SERVICE, state })).rejects.toThrow("is damaged");
  },
);

test("pauses grow from 100 ms to 4 s, after two minutes to 20 s, and differ", () => {
  const pauses = Array.from({ length: 37 }, (_, index) => Math.round(backoffMs(index + 1, 0.999_999)));
  expect(pauses.slice(0, 8)).toEqual([100, 200, 400, 800, 1600, 3200, 4000, 4000]);
  expect(pauses.slice(34)).toEqual([4000, 20_000, 20_000]);
  expect(pauses.slice(0, 35).reduce((sum, pauseMs) => sum + pauseMs, 0)).toBeGreaterThan(120_000);
  expect(backoffMs(4, 0)).toBe(400);
  expect(backoffMs(1, 0)).toBe(LIMITS.agentBackoffMs);
  expect(backoffMs(5000, 0)).toBe(10_000);
});

test("gauges: a line a link", async () => {
  const hub = await startHub();
  const { agent, lines, ready } = await startAgent(hub, "site-a", SERVICE);
  await ready;
  agent.logGauges("debug");
  expect(lines.all.at(-1)).toMatchObject({
    level: "debug",
    message: "gauges",
    fields: { hub: "site-a", as: "owner", up: true, connects: 1, streams: 0, creditStalls: 0 },
  });
});
