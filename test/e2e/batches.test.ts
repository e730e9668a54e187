/** Batches on the network as `npm start` runs it: nobody can tell them from requests that travel by themselves. */
import https from "node:https";
import type { ConnectionOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BATCH_PATH, writeBatch } from "../../shared/batch/batch.ts";
import { LIMITS } from "../../shared/limits.ts";
import { httpsRequest, type TlsAnswer, tlsExchange } from "../support/front-bench.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork({ args: ["--prefill", "4"] });
});
afterAll(async () => await network?.stop());

const ENC = "/api/v1/keys/sae-c/enc_keys";
const DEC = "/api/v1/keys/sae-a/dec_keys";

const KEY = /"key_ID":"[0-9a-f-]{36}","key":"([A-Za-z0-9+/]+=*)"/g;
const blind = (text: string): string =>
  text
    .replaceAll(KEY, (_all, key: string) => `key of ${key.length}`)
    .replace(/\r\nDate: [^\r]+/, "\r\nDate: now")
    .replace(/\r\nX-Request-Id: [^\r]{36}\r/i, "\r\nX-Request-Id: its own\r");

const tlsOf = (sae: string): ConnectionOptions => {
  const { ca, cert, key } = network.tls(sae);
  return { ca, cert, key };
};

/** Their order means nothing, and each side has its own (RFC 9110 5.3). */
function withSortedHeaders(answer: string): string {
  const end = answer.indexOf("\r\n\r\n");
  const [line, ...headers] = answer.slice(0, end).split("\r\n");
  return [line, ...headers.toSorted(), answer.slice(end)].join("\r\n");
}

/** The answer to a request written by hand, byte for byte but for the time and the keys. */
async function raw(node: string, sae: string, line: string, headers: readonly string[], body: string | Buffer) {
  const head = [`${line} HTTP/1.1`, ...headers].join("\r\n");
  const request = Buffer.concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), Buffer.from(body)]);
  return withSortedHeaders(blind(await tlsExchange(network.kme[node] ?? "", tlsOf(sae), request)));
}

const json = (value: unknown): readonly [readonly string[], string] => {
  const body = typeof value === "string" ? value : JSON.stringify(value);
  return [[`Content-Length: ${Buffer.byteLength(body)}`], body];
};
const none = [[], ""] as const;
const nobodysId = { key_IDs: [{ key_ID: "00000000-0000-4000-8000-000000000000" }] };

describe("an answer", () => {
  it.each<readonly [string, string, string, string, readonly string[], string | Buffer, RegExp]>([
    ["keys", "tn-1", "sae-a", `GET ${ENC}?number=3`, ...none, / 200 .*key of 44.*key of 44/s],
    ["keys, by POST", "tn-1", "sae-a", `POST ${ENC}`, ...json({ size: 64 }), / 200 .*key of 12/s],
    ["keys, by POST without a body", "tn-1", "sae-a", `POST ${ENC}`, ...none, / 200 /],
    ["keys, by POST with an empty body", "tn-1", "sae-a", `POST ${ENC}`, ...json(""), / 200 /],
    ["keys, behind a byte order mark", "tn-1", "sae-a", `POST ${ENC}`, ...json("\ufeff{}"), / 200 /],
    ["a question mark alone", "tn-1", "sae-a", `GET ${ENC}?`, ...none, / 200 /],
    ["more keys than a batch takes", "tn-1", "sae-a", `GET ${ENC}?number=120`, ...none, / 200 /],
    ["a key nobody has", "tn-2", "sae-c", `POST ${DEC}`, ...json(nobodysId), / 400 .*not found on KME/s],
    ["an SAE nobody knows", "tn-1", "sae-a", "GET /api/v1/keys/x/enc_keys", ...none, / 400 /],
    ["an SAE's own name", "tn-1", "sae-a", "GET /api/v1/keys/sae-a/enc_keys", ...none, / 400 /],
    ["dots for an SAE", "tn-1", "sae-a", "GET /api/v1/keys/../enc_keys", ...none, / 400 /],
    ["encoded dots", "tn-1", "sae-a", "GET /api/v1/keys/%2e%2E/enc_keys", ...none, / 400 /],
    ["encoded slashes and zeros", "tn-1", "sae-a", "GET /api/v1/keys/%2F%00%5c/enc_keys", ...none, / 400 /],
    ["encoding that is none", "tn-1", "sae-a", "GET /api/v1/keys/%zz/enc_keys", ...none, / 400 .*malformed/s],
    ["a backslash", "tn-1", "sae-a", "GET /api/v1/keys/a\\b/enc_keys", ...none, / 400 /],
    ["all that a URI may hold", "tn-1", "sae-a", `GET ${ENC}?-._~!$&'()*+,;=:@/?%ff`, ...none, / 200 /],
    ["braces and bars", "tn-1", "sae-a", `GET ${ENC}?[]{}|^\\`, ...none, / 200 /],
    ["quotes", "tn-1", "sae-a", `GET ${ENC}?"`, ...none, / 400 .*\{"message":"the request target/s],
    ["angles", "tn-1", "sae-a", "GET /api/v1/keys/<>/enc_keys", ...none, / 400 .*\{"message":"the request target/s],
    ["the same parameter twice", "tn-1", "sae-a", `GET ${ENC}?number=1&number=2`, ...none, / 400 /],
    ["a size that is odd", "tn-1", "sae-a", `GET ${ENC}?size=12`, ...none, / 400 .*multiple of 8/s],
    ["no JSON", "tn-1", "sae-a", `POST ${ENC}`, ...json("{"), / 400 .*not JSON/s],
    ["zeros", "tn-1", "sae-a", `POST ${ENC}`, ...json("\0".repeat(1000)), / 400 /],
    ["half a pair", "tn-1", "sae-a", `POST ${ENC}`, ...json('{"additional_slave_SAE_IDs":["\\ud800"]}'), / 400 /],
    ["umlauts", "tn-1", "sae-a", `POST ${ENC}`, ...json({ additional_slave_SAE_IDs: ["ü"] }), / 400 .*\xc3\xbc: /s],
    ["deep JSON", "tn-1", "sae-a", `POST ${ENC}`, ...json("[".repeat(1000)), / 400 .*nested/s],
    [
      "the largest target",
      "tn-1",
      "sae-a",
      `GET ${ENC}?x=${"y".repeat(LIMITS.uriBytes - ENC.length - 3)}`,
      ...none,
      / 200 /,
    ],
    [
      "a target too large",
      "tn-1",
      "sae-a",
      `GET ${ENC}?x=${"y".repeat(LIMITS.uriBytes - ENC.length - 2)}`,
      ...none,
      / 414 /,
    ],
    ["another site's SAE", "tn-2", "sae-a", `GET ${ENC}`, ...none, / 401 .*Content-Length: 0/s],
    ["HEAD", "tn-1", "sae-a", `HEAD ${ENC}`, ...none, / 405 .*Allow: GET, POST/s],
    ["PUT", "tn-1", "sae-a", `PUT ${ENC}`, ...json("{}"), / 405 .*Allow: GET, POST/s],
  ])("is the same to the byte: %s", async (_name, node, sae, line, headers, body, expected) => {
    const common = ["Host: kme.example:9000", ...headers];
    const together = await raw(node, sae, line, [...common, "Connection: close"], body);
    // What is out of the ordinary travels by itself.
    expect(await raw(node, sae, line, [...common, "Connection: close, X-Alone"], body)).toBe(together);
    expect(together).toMatch(expected);
  });
});

describe("many SAEs at many KMEs at once", () => {
  const PAIRS = [
    ["tn-1", "sae-a", "tn-2", "sae-c"],
    ["tn-2", "sae-c", "tn-1", "sae-a2"],
    ["tn-1", "sae-a2", "tn-2", "sae-c2"],
    ["tn-2", "sae-c2", "tn-2", "sae-c"],
  ] as const;

  it("each get their own keys, and nobody else's", async () => {
    const agents: https.Agent[] = [];
    const clientOf = (node: string, sae: string) => {
      const agent = new https.Agent({ keepAlive: true, maxSockets: 8 });
      agents.push(agent);
      return (path: string, body?: string): Promise<TlsAnswer> => {
        const method = body === undefined ? "GET" : "POST";
        return httpsRequest(
          `${network.kme[node] ?? ""}/api/v1/keys${path}`,
          { ...network.tls(sae), agent, method },
          body,
        );
      };
    };
    const seen = new Set<string>();
    const roundTrips = async ([masterNode, master, slaveNode, slave]: (typeof PAIRS)[number]) => {
      const [asMaster, asSlave] = [clientOf(masterNode, master), clientOf(slaveNode, slave)];
      const stranger = clientOf("tn-4", "sae-b");
      const roundTrip = async (size: number): Promise<void> => {
        const made = await asMaster(`/${slave}/enc_keys?number=2&size=${size}`);
        expect([made.status, made.body]).toEqual([200, expect.any(String)]);
        const { keys } = JSON.parse(made.body) as { keys: { key_ID: string; key: string }[] };
        for (const { key_ID, key } of keys) {
          expect(Buffer.from(key, "base64")).toHaveLength(size / 8);
          expect(seen.has(key_ID)).toBe(false);
          seen.add(key_ID);
        }
        const wanted = JSON.stringify({ key_IDs: keys.map(({ key_ID }) => ({ key_ID })) });
        const [theirs, other] = await Promise.all([
          stranger(`/${master}/dec_keys`, wanted),
          asMaster(`/${slave}/dec_keys`, wanted),
        ]);
        expect([theirs.status, other.status]).toEqual([401, 401]);
        const fetched = await asSlave(`/${master}/dec_keys`, wanted);
        expect([fetched.status, JSON.parse(fetched.body)]).toEqual([200, { keys }]);
      };
      await Promise.all(Array.from({ length: 24 }, async (_, i) => await roundTrip(64 * (1 + (i % 8)))));
    };
    await Promise.all(PAIRS.map(roundTrips));
    expect(seen.size).toBe(PAIRS.length * 48);
    for (const agent of agents) agent.destroy();
  });
});

describe("a batch is a front's to send", () => {
  const batch = writeBatch(["{}"], []);
  const forged = { "X-Cf-Blob": JSON.stringify({ qkd: { batch: true } }) };

  it("on the edge's own port it is no path", async () => {
    for (const headers of [{}, forged]) {
      const answer = await fetch(network.edge + BATCH_PATH, { method: "POST", body: batch, headers });
      expect([answer.status, await answer.json()]).toEqual([404, { message: "no such path" }]);
    }
  });

  it("nor is it through a front, or for an operator", async () => {
    for (const headers of [{}, forged]) {
      const answer = await network.request("tn-1", "sae-a", BATCH_PATH, { method: "POST", headers }, batch);
      expect([answer.status, JSON.parse(answer.body)]).toEqual([404, { message: "no such path" }]);
    }
    const asOperator = await network.fetch(BATCH_PATH, "operator", { method: "POST", body: batch, headers: forged });
    expect(asOperator.status).toBe(404);
  });
});
