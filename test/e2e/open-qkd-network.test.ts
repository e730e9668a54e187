/**
 * The KMS API of Open-QKD-Network at the ports of the demo's site agents, as its clients find it; and one of them: the C program
 * of examples/tls-psk, which sends files by TLS with keys from there.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  build,
  buildMissing,
  type Ended,
  type KmsUrls,
  type Transfer,
  transfer,
  writeKmsConf,
} from "../../examples/tls-psk/program.ts";
import { checkConfig } from "../../tunnel/agent/config/load.ts";
import { Edge } from "../../tunnel/agent/link/edge.ts";
import { askAsCaller } from "../../tunnel/services/etsi004/as-agent.ts";
import { startOpenQkdNetwork } from "../../tunnel/services/open-qkd-network/service.ts";
import { listenLocally } from "../support/listen-locally.ts";
import { type RunningNetwork, runNetwork } from "../support/run-network.ts";
import { Lines } from "../support/tunnel-agent.ts";

const SITES = { A: "tn-1", B: "tn-2" } as const;
type Site = keyof typeof SITES;

let network: RunningNetwork;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "qkd-tls-psk-"));
  network = await runNetwork({ agents: true });
});
afterAll(async () => {
  await network.stop();
  rmSync(folder, { recursive: true });
});

const urlsOf = (site: Site): KmsUrls => network.local.openQkdNetwork?.[SITES[site]] ?? expect.unreachable();

test("where it is is told in ports.json and the banner", () => {
  expect(Object.keys(network.local.openQkdNetwork ?? {})).toEqual(Object.values(SITES));
  expect(network.output()).toMatch(/^ {2}KMS API {3}tn-1 http:\/\/127\.0\.0\.1:\d+, tokens http:/m);
});

/** As tls-kms-demo and c-toxcore send it, whichever site they are at. */
async function signIn(site: Site): Promise<{ readonly access_token: string }> {
  const response = await fetch(`${urlsOf(site).token}/uaa/oauth/token`, {
    method: "POST",
    headers: { authorization: "Basic aHRtbDU6cGFzc3dvcmQ=", "content-type": "application/x-www-form-urlencoded" },
    body: "password=bot&client_secret=password&client=html5&username=pwebb&grant_type=password&scope=openid",
  });
  return (await response.json()) as { readonly access_token: string };
}

async function ask(api: string, call: string, form: string, bearer?: string) {
  const response = await fetch(`${api}/api/${call}`, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: form,
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

test("the user that is built into applications gets a key at each of two sites, and each gets it once", async () => {
  const [a, b] = await Promise.all([signIn("A"), signIn("B")]);
  const [atA, atB] = [urlsOf("A").api, urlsOf("B").api];
  expect(a).toMatchObject({ token_type: "bearer", expires_in: 43_199, scope: "openid" });
  const made = await ask(atA, "newkey", "siteid=B", a.access_token);
  expect(made).toMatchObject({
    status: 200,
    json: { index: 0, hexKey: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
  });
  const wish = `siteid=A&index=0&blockid=${String(made.json["blockId"])}`;
  const fetched = await ask(atB, "getkey", wish, b.access_token);
  expect(fetched.json["hexKey"] === made.json["hexKey"], "the same key at both ends").toBe(true);
  expect(await ask(atB, "getkey", wish, b.access_token)).toMatchObject({
    status: 200,
    json: { index: -2, hexKey: null, blockId: null, error: expect.any(String) as unknown },
  });
  expect(await ask(atB, "getkey", wish)).toMatchObject({ status: 401, json: { error: "invalid_token" } });
});

test("an application that shows no token, at an agent that signs in for it", async () => {
  const secret = join(folder, "secret");
  writeFileSync(secret, "password\n");
  const entry = { node: "tn-1", token_port: 0, api_port: 0, sign_in: { client: "html5", secret_file: secret } };
  const [config] = checkConfig({ edge: network.edge, site: "site-a", open_qkd_network: [entry] }).open_qkd_network;
  const edge = new Edge({ edge: network.edge });
  const log = new Lines();
  const services = await startOpenQkdNetwork({
    config: config ?? expect.unreachable(),
    ask: askAsCaller(edge),
    log: log.log,
  });
  onTestFinished(() => {
    for (const service of services) service.close();
    edge.close();
  });
  const given = await ask(`http://127.0.0.1:${services[1]?.port}`, "newkey", "siteid=B");
  expect(given).toMatchObject({ status: 200, json: { index: 0 } });
  expect(log.count(String(given.json["hexKey"]))).toBe(0);
});

/** Texts, or what they have to look like. */
const ended = (code: number, lines: readonly unknown[], errors: readonly unknown[]): Ended =>
  ({ code, lines, errors }) as Ended;
const saying = (text: string): unknown => expect.stringContaining(text) as unknown;

const conf = (site: Site, urls = urlsOf(site)): string => {
  const file = join(folder, `${randomBytes(4).toString("hex")}.conf`);
  writeKmsConf(file, urls, site);
  return file;
};

const keyOf = (blockId: string | null) => ({ index: 0, hexKey: randomBytes(32).toString("hex"), blockId });

const missing = buildMissing();
const WHAT = "the C program";
describe.skipIf(missing !== null)(missing === null ? WHAT : `${WHAT} (skipped: ${missing})`, () => {
  let program: string;
  beforeAll(() => {
    program = build(join(folder, "build"), "-O1 -g -Werror");
  });

  const plan = (tls: Transfer["tls"], content: Uint8Array): Transfer => {
    const file = join(folder, "sent");
    writeFileSync(file, content);
    rmSync(join(folder, "received"), { force: true });
    return {
      program,
      tls,
      sender: { conf: conf("A"), peer: "B", file },
      receiver: { conf: conf("B"), peer: "A", file: join(folder, "received") },
    };
  };
  const LISTENING = expect.stringMatching(/^listening on 127\.0\.0\.1 port \d+$/) as unknown;

  test.each([
    ["1.2", "B", "TLSv1.2 ECDHE-PSK-CHACHA20-POLY1305"],
    ["1.3", "A", "TLSv1.3 TLS_AES_256_GCM_SHA384"],
  ] as const)("sends a file by TLS %s, with a new key of site %s, and prints no key", async (tls, site, suite) => {
    for (const sizeBytes of [0, 300_001]) {
      const content = randomBytes(sizeBytes);
      const { sender, receiver } = await transfer(plan(tls, content));
      const key = expect.stringMatching(new RegExp(`^${suite}, key ${site} [0-9a-f-]{36} 0$`)) as unknown;
      expect(sender).toEqual(ended(0, [key, `sent ${sizeBytes} bytes`], []));
      expect(receiver).toEqual(ended(0, [LISTENING, key, `received ${sizeBytes} bytes`], []));
      expect(sender.lines[0] === receiver.lines[1], "the same key by name").toBe(true);
      expect(readFileSync(join(folder, "received")).equals(content), "the same file").toBe(true);
    }
  });

  test("a password that is wrong: in the words of the token's endpoint, and no file", async () => {
    const { sender, receiver } = await transfer({
      ...plan("1.3", randomBytes(10)),
      sender: { ...plan("1.3", randomBytes(10)).sender, env: { QKD_KMS_PASSWORD: "wrong" } },
    });
    expect(sender).toEqual(ended(1, [], [saying("tls-psk: no token: HTTP 400, invalid_grant")]));
    expect(receiver).toEqual(ended(1, [LISTENING], [saying("tls-psk: TLS: ")]));
    expect([existsSync(join(folder, "received")), existsSync(join(folder, "received.part"))]).toEqual([false, false]);
  });

  test("a site that is not the one that was meant, at either end; one that there is not", async () => {
    const hinted = plan("1.2", randomBytes(10));
    const { sender } = await transfer({ ...hinted, sender: { ...hinted.sender, peer: "C" } });
    expect(sender).toEqual(ended(1, [], ["tls-psk: the other end names a key of site B, not of C"]));
    const named = plan("1.3", randomBytes(10));
    const { receiver } = await transfer({ ...named, receiver: { ...named.receiver, peer: "D" } });
    expect(receiver.errors).toEqual(["tls-psk: the other end names a key of site A, not of D"]);
    const nowhere = await transfer({ ...named, sender: { ...named.sender, peer: "Z" } });
    expect(nowhere.sender.errors).toEqual([saying("tls-psk: no key: HTTP 400, ")]);
  });

  test("ends that do not speak the same TLS", async () => {
    const { sender, ...more } = plan("1.3", randomBytes(10));
    const answers = await transfer({ ...more, sender: { ...sender, tls: "1.2" } });
    expect([answers.sender.code, answers.receiver.code]).toEqual([1, 1]);
    expect(answers.receiver.errors).toEqual([saying("tls-psk: TLS: ")]);
  });

  interface Said {
    readonly status?: number;
    readonly body: string;
  }
  /** A KMS that is none of ours: what it says to who asks for a token, or for the key of this block. */
  async function fakeKms(says: (block: string | null) => Said): Promise<KmsUrls> {
    const server = http.createServer((request, response) => {
      let form = "";
      request.setEncoding("utf8").on("data", (chunk: string) => (form += chunk));
      request.once("end", () => {
        const { status = 200, body } = says(new URLSearchParams(form).get("blockid"));
        response.writeHead(status).end(body);
      });
    });
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${await listenLocally(server)}`;
    return { token: url, api: url };
  }
  const TOKEN: Said = { body: JSON.stringify({ access_token: "t" }) };

  test.each(["1.2", "1.3"] as const)("a KMS that gives another key under the name: no TLS %s", async (tls) => {
    const wrong = await fakeKms((block) => (block === null ? TOKEN : { body: JSON.stringify(keyOf(block)) }));
    const { sender, receiver, ...more } = plan(tls, randomBytes(10));
    // Who is told of the key asks the wrong KMS.
    const answers = await transfer(
      tls === "1.2"
        ? { ...more, sender: { ...sender, conf: conf("A", wrong) }, receiver }
        : { ...more, sender, receiver: { ...receiver, conf: conf("B", wrong) } },
    );
    expect([answers.sender.code, answers.receiver.code]).toEqual([1, 1]);
    expect(existsSync(join(folder, "received"))).toBe(false);
  });

  const BLOCK = "11111111-2222-4333-8444-555555555555";
  const keyWith = (more: object): Said => ({ body: JSON.stringify({ ...keyOf(BLOCK), ...more }) });
  test.each<readonly [what: string, token: Said, key: Said, error: string]>([
    ["a token beside a no", { ...TOKEN, status: 302 }, keyWith({}), "no token: HTTP 302, an answer of another kind"],
    ["a token of two headers", { body: '{"access_token":"t\\r\\nX: y"}' }, keyWith({}), "no token: HTTP 200, "],
    ["a key beside a no", TOKEN, { ...keyWith({}), status: 500 }, "no key: HTTP 500, an answer of another kind"],
    ["an index of other sizes", TOKEN, keyWith({ index: 2 ** 40 }), "no key: HTTP 200, an answer of another kind"],
    ["more than JSON", TOKEN, { body: `${keyWith({}).body} x` }, "HTTP 200 without a JSON object"],
    ["commands to a terminal", TOKEN, { body: '{"index":-2,"error":"\\u001b[31m\\n"}' }, "no key: HTTP 200, ?[31m?"],
    ["too much", TOKEN, keyWith({ more: "x".repeat(1e6) }), "writing received data"],
  ])("a KMS that answers with %s: no key", async (_what, token, key, error) => {
    let asked = 0;
    const wrong = await fakeKms(() => (asked++ === 0 ? token : key));
    const { sender, receiver, ...more } = plan("1.3", randomBytes(10));
    const answers = await transfer({ ...more, sender: { ...sender, conf: conf("A", wrong) }, receiver });
    expect(answers.sender).toEqual(ended(1, [], [saying(error)]));
  });
});
