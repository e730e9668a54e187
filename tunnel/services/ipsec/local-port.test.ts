import { networkInterfaces } from "node:os";
import http from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { type Asked, type FakeAnswer, FakeStreams } from "../../../test/support/fake-streams.ts";
import { Lines } from "../../../test/support/tunnel-agent.ts";
import { Edge } from "../../agent/link/edge.ts";
import type { Link } from "../../agent/link/link.ts";
import { askAsAgent } from "../etsi004/as-agent.ts";
import { startLocalPort } from "./local-port.ts";

const DONE = '{"STATUS":"OK","entries":[]}';
const LOCATION = "/api/v1/nodes/tn%2F1/ipsec/ipsec-entries?batch=b1";
const answered = (): FakeAnswer => ({
  status: 202,
  headers: { "content-type": "application/json", location: LOCATION, "set-cookie": "a=b" },
  body: DONE,
});

async function start(address = "127.0.0.1", allow: string[] = []) {
  const edge = await FakeStreams.start();
  edge.intercept = answered;
  const session = { access: { token: "of the agent", expiresMs: 0 } };
  const owner = { whenUp: () => Promise.resolve(session) } as unknown as Pick<Link, "whenUp">;
  const connections = new Edge({ edge: edge.url });
  const lines = new Lines();
  const port = await startLocalPort({
    node: "tn/1",
    config: { address, port: 0, allow, insecure_lan: allow.length > 0, hosts: ["proxy.lan"] },
    ask: askAsAgent(connections, owner),
    log: lines.log,
  });
  onTestFinished(() => {
    port.close();
    connections.close();
  });
  return { edge, lines, port: port.port };
}

interface Said {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function request(
  where: number | { readonly host: string; readonly port: number },
  [method, path]: readonly [string, string],
  headers: http.OutgoingHttpHeaders = {},
  body?: string,
): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  const { host, port } = typeof where === "number" ? { host: "127.0.0.1", port: where } : where;
  // Node gives a DELETE no length by itself.
  const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  const sent = http.request(
    { port, host, method, path, headers: { ...length, ...headers }, agent: false },
    (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.once("end", () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    },
  );
  sent.once("error", reject);
  sent.end(body);
  return promise;
}

test.each([
  ["POST", "/ipsec-entries"],
  ["DELETE", "/ipsec-entries"],
  ["POST", "/createqkd"],
  ["POST", "/register"],
])("%s %s goes to the edge, for the node and as the agent, and the answer back", async (method, path) => {
  const { edge, port } = await start();
  const body = '{"sad-entry":{}}{"spd-entry":{}}';
  const answer = await request(port, [method, path], { prefer: "respond-async", "content-type": "text/xml" }, body);
  expect(answer).toMatchObject({ status: 202, body: DONE, headers: { location: "/ipsec-entries?batch=b1" } });
  expect(answer.headers["set-cookie"]).toBeUndefined();
  expect(edge.asked).toMatchObject([
    {
      method,
      path: `/api/v1/nodes/tn%2F1/ipsec${path}`,
      body,
      headers: { prefer: "respond-async", "content-type": "text/xml", authorization: "Bearer of the agent" },
    },
  ]);
  expect(edge.asked[0]?.headers["qkd-sae"]).toBeUndefined();
});

test.each(["/ipsec-entries?batch=b1", "/ipsec-entries"])("what became of it is asked for at GET %s", async (path) => {
  const { edge, port } = await start();
  expect((await request(port, ["GET", path])).body).toBe(DONE);
  expect(edge.asked).toMatchObject([{ method: "GET", path: `/api/v1/nodes/tn%2F1/ipsec${path}`, body: "" }]);
});

test("a Location that is no path of the node stays", async () => {
  const { edge, port } = await start();
  edge.intercept = () => ({ status: 202, headers: { location: "/api/v1/nodes/tn-2/ipsec/x" }, body: "" });
  const { headers } = await request(port, POST, {}, "{}");
  expect(headers.location).toBe("/api/v1/nodes/tn-2/ipsec/x");
});

test.each([
  ["GET", "/register"],
  ["PUT", "/ipsec-entries"],
  ["POST", "/"],
  ["DELETE", "/createqkd"],
  ["POST", "/ipsec-entries/../../x"],
  ["POST", "/constructor"],
])("%s %s is nothing, and asks nothing", async (method, path) => {
  const { edge, port } = await start();
  expect((await request(port, [method, path])).status).toBe(404);
  expect(edge.asked).toEqual([]);
});

const POST = ["POST", "/ipsec-entries"] as const;

test.each([
  ["a page", { origin: "http://evil.example" }],
  ["another site's page", { "sec-fetch-site": "cross-site" }],
  ["a name that was made to mean this machine", { host: "evil.example:3000" }],
])("%s is refused", async (_, headers) => {
  const { edge, port, lines } = await start();
  expect((await request(port, POST, headers, "{}")).status).toBe(403);
  expect(edge.asked).toEqual([]);
  await lines.seen("request refused");
});

test("a name that it was given is good", async () => {
  const { port } = await start();
  expect((await request(port, POST, { host: "proxy.lan:3000" }, "{}")).status).toBe(202);
});

test("a body that is too large is not read", async () => {
  const { edge, port } = await start();
  const headers = { "content-length": LIMITS.ipsecBodyBytes + 1, expect: "100-continue" };
  const answer = await request(port, POST, headers);
  expect(answer.status).toBe(413);
  expect(edge.asked).toEqual([]);
});

test("the edge is away: that is said", async () => {
  const { edge, port } = await start();
  edge.intercept = () => {
    edge.breakConnections();
    return new Promise<Asked & FakeAnswer>(() => undefined);
  };
  const answer = await request(port, POST, {}, "{}");
  expect(answer.status).toBe(503);
  expect(JSON.parse(answer.body)).toMatchObject({ message: expect.stringContaining("cannot be reached") });
});

const lanAddress = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === "IPv4" && !each.internal)?.address;

test.skipIf(lanAddress === undefined)("who is not named may not connect", async () => {
  const host = lanAddress ?? "";
  const { port } = await start(host, ["198.51.100.0/24"]);
  await expect(request({ host, port }, POST)).rejects.toThrow();
  const allowed = await start(host, [host]);
  expect((await request({ host, port: allowed.port }, POST, {}, "{}")).status).toBe(202);
});
