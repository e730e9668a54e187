/** A site's services as the API shows and serves them. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { listenLocally } from "../support/listen-locally.ts";
import { startAgent, tunnelNetwork, type TunnelNetwork } from "../support/tunnel-net.ts";

let network: TunnelNetwork;
beforeAll(async () => {
  network = await tunnelNetwork();
});
afterAll(() => network.stop());

async function device(handle: http.RequestListener): Promise<number> {
  const server = http.createServer(handle);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return await listenLocally(server);
}

/** Site A exposes a device that says what it was asked. */
async function exposed(...allow: string[]) {
  const asked: http.IncomingMessage[] = [];
  const port = await device((request, response) => {
    asked.push(request);
    void buffer(request).then((body) =>
      response.writeHead(201, { "x-path": request.url, "set-cookie": "a=b" }).end(body),
    );
  });
  const args = ["-R", `9000:127.0.0.1:${port}`, ...allow.flatMap((who) => ["--allow", who])];
  const agent = startAgent(network, { site: "site-a" }, ...args);
  await agent.seen("this instance serves the site");
  return { agent, asked };
}

const PATH = "/api/v1/sites/site-a/services/9000";

test("HTTP to a device by who may: method, path, query, body and status as they are", async () => {
  const { asked } = await exposed("@edge", "site-b");
  const body = randomBytes(3_000_000);
  const answer = await network.fetch(`${PATH}/a%20b/c?x=1&y=%2F`, "operator", {
    method: "POST",
    body,
    headers: { "x-mine": "yes", cookie: "secret=1" },
  });
  expect(answer.status).toBe(201);
  expect(answer.headers.get("x-path")).toBe("/a%20b/c?x=1&y=%2F");
  expect(answer.headers.has("set-cookie")).toBe(false);
  expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  expect(asked[0]?.method).toBe("POST");
  expect(asked[0]?.headers).toMatchObject({ "x-mine": "yes" });
  expect(asked[0]?.headers).not.toHaveProperty("cookie");
  expect(asked[0]?.headers).not.toHaveProperty("authorization");
  expect((await network.fetch(`${PATH}/`, "agent-tn-2")).status).toBe(201);
});

test("a GET whose body a device could take for the next request is refused", async () => {
  const { asked } = await exposed("@edge");
  const body = "GET /smuggled HTTP/1.1\r\n\r\n";
  const request = http.request(`${network.edge}${PATH}/`, {
    headers: { authorization: `Bearer ${network.tokens["operator"]}`, "content-length": body.length },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  expect([response.statusCode, (await buffer(response)).toString()]).toEqual([
    400,
    expect.stringContaining("a GET has no body"),
  ]);
  expect((await network.fetch(`${PATH}/next`, "operator")).status).toBe(201);
  expect(asked.map(({ url }) => url)).toEqual(["/next"]);
});

test("and nobody else: not a stranger, an SAE, or an agent of a site that is not named", async () => {
  const { asked } = await exposed("@edge", "site-b");
  const statuses = await Promise.all([
    fetch(`${network.edge}${PATH}/`).then(({ status }) => status),
    ...["sae-a", "agent-tn-3"].map(async (name) => (await network.fetch(`${PATH}/`, name)).status),
  ]);
  expect(statuses).toEqual([401, 403, 403]);
  expect((await network.fetch("/api/v1/sites/site-a/services/9001/", "operator")).status).toBe(404);
  expect((await network.fetch("/api/v1/sites/site-b/services/9000/", "operator")).status).toBe(503);
  expect(asked).toEqual([]);
});

test("what allows no @edge the edge does not use, whoever asks", async () => {
  const { asked } = await exposed("site-b");
  for (const name of ["operator", "agent-tn-2"]) expect((await network.fetch(`${PATH}/`, name)).status).toBe(403);
  expect(asked).toEqual([]);
});

interface Sites {
  readonly sites: readonly { readonly site: string; readonly services: readonly object[] }[];
}
const sitesAs = async (name: string): Promise<Record<string, readonly object[]>> => {
  const { sites } = (await (await network.fetch("/api/v1/sites", name)).json()) as Sites;
  return Object.fromEntries(sites.map(({ site, services }) => [site, services]));
};

test("services are listed with the address that others use, to those who may use them", async () => {
  const { agent } = await exposed("@edge", "site-b");
  const service = { service: "9000", address: "site-a/9000", tls: false, port: 9000, path: `${PATH}/` };
  expect((await sitesAs("operator"))["site-a"]).toMatchObject([{ ...service, allow: ["@edge", "site-b"] }]);
  expect((await sitesAs("agent-tn-2"))["site-a"]).toMatchObject([service]);
  expect(await sitesAs("agent-tn-3")).not.toHaveProperty("site-a");
  await agent.stop();
  expect((await sitesAs("operator"))["site-a"]).toEqual([]);
});
