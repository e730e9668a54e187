import { once } from "node:events";
import net from "node:net";
import { networkInterfaces } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { command, connectLocal, jsonClient } from "../../test/support/local-client.ts";
import { brokenOff, Lines, startAgent, startHub, temporaryFolder } from "../../test/support/tunnel-agent.ts";
import { FakeStreams } from "../../test/support/fake-streams.ts";
import { checkAgent } from "./check/check.ts";
import { lineOf } from "./check/finding.ts";
import { checkConfig } from "./config/load.ts";
import type { AgentConfigInput } from "./config/schema.ts";
import type { Link } from "./link/link.ts";
import { LocalServices } from "./local-services.ts";

type Entries = NonNullable<AgentConfigInput["etsi004"]>;
const FOR = { sae: "sae-a", node: "tn-1", port: 0 } as const;
const ALL: Entries = [
  { kind: "json-tcp", ...FOR },
  { kind: "binary", ...FOR },
  { kind: "qkd-module", ...FOR },
];

async function start(etsi004: Entries, edge: string) {
  const lines = new Lines();
  const owner = { whenUp: () => Promise.resolve({ access: { token: "t", expiresMs: 0 } }) };
  const settings = checkConfig({ edge, site: "site-a", etsi004 });
  const local = await LocalServices.start({
    settings,
    owner: owner as unknown as Pick<Link, "whenUp">,
    hybrid: null,
    log: lines.log,
  });
  onTestFinished(() => local.close());
  return { local, lines };
}

test("an agent with nothing else serves them, in the name that its tunnel gave it", async () => {
  const hub = await startHub();
  const { agent, ready, lines, stop } = await startAgent(hub, "site-a", { etsi004: ALL });
  await ready;
  expect(agent.local?.services.map(({ kind }) => kind)).toEqual(["json-tcp", "binary", "qkd-module"]);
  const [json] = agent.local?.services ?? [];
  const client = jsonClient(await connectLocal(json?.port ?? 0));
  client.send(command("X", {}));
  expect(await client.next()).toEqual({ status: "error", message: "Unknown command" });
  expect(lines.count("insecure-lan")).toBe(0);
  await stop();
  expect(await client.next()).toBeNull();
  expect(await brokenOff(json?.port ?? 0)).toBe("ECONNREFUSED");
});

test("a port that is taken: none of them is left listening", async () => {
  const edge = await FakeStreams.start();
  const taken = net.createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as net.AddressInfo;
  const [first, second] = ALL;
  if (first === undefined || second === undefined) expect.unreachable();
  await expect(start([first, { ...second, port }], edge.url)).rejects.toThrow(
    `etsi004 binary: cannot listen on 127.0.0.1 port ${port}`,
  );
});

test("an agent with nothing else serves the KMS API of Open-QKD-Network, and check tells where", async () => {
  const hub = await startHub();
  const entry = { node: "tn-1", token_port: 0, api_port: 0 };
  const { agent, ready, stop } = await startAgent(hub, "site-a", { open_qkd_network: [entry] });
  await ready;
  const services = agent.local?.services ?? [];
  expect(services.map(({ kind }) => kind)).toEqual(["open-qkd-network-token", "open-qkd-network-api"]);
  const refused = await fetch(`http://127.0.0.1:${services[1]?.port}/uaa/oauth/token`, { method: "POST" });
  expect([refused.status, await refused.json()]).toMatchObject([404, { error: "no such path at this port" }]);
  await stop();
  expect(await brokenOff(services[0]?.port ?? 0)).toBe("ECONNREFUSED");
  const settings = { ...checkConfig({ edge: hub.url, site: "site-a", open_qkd_network: [entry] }), state: "/gone" };
  expect((await checkAgent(settings)).map(lineOf).slice(-2)).toEqual(
    ["token", "api"].map((which) => `ok      open_qkd_network of tn-1, ${which}: 127.0.0.1 port 0`),
  );
});

const lanAddress = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === "IPv4" && !each.internal)?.address;

test.skipIf(lanAddress === undefined)("for other machines: an alarm, and only those that are named", async () => {
  const edge = await FakeStreams.start();
  const address = lanAddress ?? "";
  const open = (allow: string): Entries[number] => ({
    kind: "json-tcp",
    ...FOR,
    address,
    insecure_lan: true,
    allow: [allow],
  });
  const { local, lines } = await start([open("198.51.100.0/24"), open(address)], edge.url);
  expect(lines.count("insecure-lan")).toBe(2);
  const [closed, allowed] = local.services.map(({ port }) => port);
  const refused = net.connect({ host: address, port: closed ?? 0 });
  refused.resume().on("error", () => undefined);
  await once(refused, "close");
  expect(lines.count("not allowed")).toBe(1);
  const socket = net.connect({ host: address, port: allowed ?? 0 });
  await once(socket, "connect");
  const client = jsonClient(socket);
  client.send(command("X", {}));
  expect(await client.next()).toMatchObject({ status: "error" });
});

test("check tells of each: for whom, on which port, and what is wrong with it", async () => {
  const hub = await startHub();
  const lines = async (etsi004: Entries) => {
    const settings = { ...checkConfig({ edge: hub.url, site: "site-a", etsi004 }), state: temporaryFolder() };
    return (await checkAgent(settings)).map(lineOf);
  };
  const good = await lines(ALL);
  expect(good[0]).toContain("0 feeds, 3 local services");
  expect(good.slice(-3)).toEqual(
    ["json-tcp", "binary", "qkd-module"].map((kind) => `ok      etsi004 ${kind}: 127.0.0.1 port 0, for sae-a at tn-1`),
  );
  const tls = { cert: "/gone/crt", key: "/gone/key", client_ca: "/gone/ca" };
  expect((await lines([{ kind: "binary", ...FOR, tls }])).at(-1)).toMatch(/^FAILED {2}etsi004 binary: .*ENOENT/);
  const address = "198.51.100.1";
  const elsewhere = await lines([{ kind: "json-tcp", ...FOR, address, insecure_lan: true, allow: ["::1"] }]);
  expect(elsewhere.at(-1)).toMatch(/^FAILED {2}etsi004 json-tcp: 198\.51\.100\.1 .*EADDRNOTAVAIL/);
});
