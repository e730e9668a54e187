/** What Prometheus gets, of a network in the real engine. */
import { beforeAll, expect, test } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { CATALOGUE } from "../../shared/metrics/catalogue.ts";
import { call, NETWORK, setUp, token } from "../../test/support/in-workerd-network.ts";
import { type ParsedFamily, parseMetrics } from "../../test/support/prometheus.ts";

const scraper = { type: "token" as const, sha256: tokenSha256(token("scraper")), scopes: ["metrics.read"] };
const OPERATORS = [...NETWORK.operators, { id: "prometheus", credentials: [scraper] }];

beforeAll(async () => await setUp(1, { ...NETWORK, operators: OPERATORS }));

async function scrape(headers: Record<string, string> = {}): Promise<ReadonlyMap<string, ParsedFamily>> {
  const response = await call("/metrics", { as: "scraper", headers });
  expect(response.status).toBe(200);
  const isOpen = response.headers.get("Content-Type")?.startsWith("application/openmetrics-text") === true;
  return parseMetrics(await response.text(), isOpen ? "openmetrics" : "prometheus");
}
const valueOf = (families: ReadonlyMap<string, ParsedFamily>, family: string, labels: Record<string, string>) =>
  families
    .get(family)
    ?.samples.find((sample) => Object.entries(labels).every(([name, value]) => sample.labels[name] === value))?.value;

test("a token for metrics alone reads them, and nothing else; others do not", async () => {
  expect((await call("/metrics", { as: "scraper" })).status).toBe(200);
  expect((await call("/api/v1/network", { as: "scraper" })).status).toBe(403);
  expect((await call("/metrics", { as: "sae-a" })).status).toBe(403);
  expect((await call("/metrics")).status).toBe(401);
});

test("in the form that is asked for", async () => {
  const plain = await call("/metrics", { as: "scraper" });
  expect(plain.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const open = await call("/metrics", { as: "scraper", headers: { Accept: "application/openmetrics-text" } });
  expect(open.headers.get("Content-Type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(open.headers.get("Vary")).toBe("Accept");
});

const isKnown = (families: ReadonlyMap<string, ParsedFamily>): boolean =>
  valueOf(families, "qkd_pool_conserved", { link: "n1-n2" }) === 1;

test.each([{}, { Accept: "application/openmetrics-text" }])(
  "the network as it is, all of it in the catalogue: %j",
  async (headers) => {
    // A pool that does not answer in time has no samples; the next look is no more than seconds away.
    await expect.poll(async () => isKnown(await scrape(headers))).toBe(true);
    const families = await scrape(headers);
    for (const name of families.keys()) expect(Object.keys(CATALOGUE)).toContain(name.replace(/_total$/, ""));
    const states = families.get("qkd_pool_bits")?.samples.filter(({ labels }) => labels["link"] === "n1-n2") ?? [];
    expect(states.reduce((sum, { value }) => sum + value, 0)).toBe(65_536 * 8);
  },
);

const requestsOf = (families: ReadonlyMap<string, ParsedFamily>, operation: string, code: string): number =>
  valueOf(families, "qkd_http_requests_total", { operation, code }) ?? 0;
const durationsOf = (families: ReadonlyMap<string, ParsedFamily>) =>
  families
    .get("qkd_http_request_duration_seconds")
    ?.samples.find(({ name, labels }) => name.endsWith("_count") && labels["operation"] === "getEncKeys")?.value ?? 0;

test("requests are counted by operation and status, whatever becomes of them", async () => {
  const before = await scrape();
  for (const [path, init] of [
    ["/api/v1/keys/sae-b/enc_keys", { as: "sae-a" }],
    ["/api/v1/keys/sae-b/enc_keys?size=7", { as: "sae-a" }],
    ["/api/v1/keys/sae-b/enc_keys", {}],
    ["/no/such/path", { as: "sae-a" }],
    ["/no/such/path/either", {}],
  ] as const)
    await (await call(path, init)).arrayBuffer();
  const grown = async () => {
    const after = await scrape();
    const requests = ["200", "400", "401"].map(
      (code) => requestsOf(after, "getEncKeys", code) - requestsOf(before, "getEncKeys", code),
    );
    const unknown = requestsOf(after, "none", "404") - requestsOf(before, "none", "404");
    return { requests, unknown, durations: durationsOf(after) - durationsOf(before) };
  };
  // An isolate's report may still be on its way.
  await expect.poll(grown).toEqual({ requests: [1, 1, 1], unknown: 2, durations: 3 });
});

test("no label tells of an SAE, a key or a token", async () => {
  const { key_ID: keyId } = (
    await (await call("/api/v1/keys/sae-b/enc_keys", { as: "sae-a" })).json<{ keys: { key_ID: string }[] }>()
  ).keys[0] ?? { key_ID: "" };
  expect(keyId).not.toBe("");
  const text = await (await call("/metrics", { as: "scraper" })).text();
  for (const secret of [keyId, "sae-a", "sae-b", "sae-d", token("scraper"), tokenSha256(token("scraper"))])
    expect(text).not.toContain(secret);
});
