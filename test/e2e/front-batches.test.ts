/** Which requests a KME front sends in batches and what of them, before a stand-in for the engine. */
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Issued } from "../../pki/authority.ts";
import { CONTRACT } from "../../shared/api/contract.ts";
import { ALONE, type Batch, BATCH_PATH, readBatch, writePart } from "../../shared/batch/batch.ts";
import { LIMITS } from "../../shared/limits.ts";
import { createCarrier } from "../../tunnel/services/etsi014-tls/carrier.ts";
import { type Front, startFront } from "../../tunnel/services/etsi014-tls/front.ts";
import { createLoad } from "../../tunnel/services/etsi014-tls/load.ts";
import { type FrontBench, httpsRequest, type Seen, startFrontBench, tlsExchange } from "../support/front-bench.ts";

let bench: FrontBench;
let saeA: Issued;
beforeAll(async () => {
  bench = await startFrontBench();
  saeA = await bench.client("sae-a");
});
afterAll(() => bench.stop());

const ENC = "/api/v1/keys/sae-c/enc_keys";

/** What the engine saw of a request written by hand. */
async function seen(head: string, body: string | Buffer = ""): Promise<Seen> {
  const text = Buffer.concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), Buffer.from(body)]);
  const answer = await tlsExchange(bench.front.url, bench.tlsOf(saeA), text);
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  const [, json = ""] = /\r\n\r\n(?:[0-9a-f]+\r\n)?(\{.*\})/s.exec(answer) ?? [];
  return JSON.parse(json) as Seen;
}
const CLOSE = "Host: kme.example:9000\r\nConnection: close";
const get = (target: string, headers = CLOSE): string => `GET ${target} HTTP/1.1\r\n${headers}`;
const post = (bytes: number, headers = CLOSE): string =>
  `POST ${ENC} HTTP/1.1\r\n${headers}\r\nContent-Length: ${bytes}`;

describe("what travels in a batch", () => {
  it.each([
    ["a GET", get(`${ENC}?number=2`), ""],
    ["an HTTP/1.1 default connection", get(ENC, "Host: [::1]:9000\r\nConnection: Close"), ""],
    ["a POST without a body", `POST ${ENC} HTTP/1.1\r\n${CLOSE}`, ""],
    ["a POST with an empty body", post(0), ""],
    ["a POST", post(2), "{}"],
    ["a chunked POST", `POST ${ENC} HTTP/1.1\r\n${CLOSE}\r\nTransfer-Encoding: chunked`, "2\r\n{}\r\n0\r\n\r\n"],
    ["an Idempotency-Key", get(ENC, `${CLOSE}\r\nIdempotency-Key: a\r\nIDEMPOTENCY-KEY: b`), ""],
    ["any other header", get(ENC, `${CLOSE}\r\nX-Cf-Blob: {}\r\nAuthorization: Bearer x\r\nCookie: a=b`), ""],
    ["a body at the bound", post(LIMITS.frontBatchedBodyBytes), " ".repeat(LIMITS.frontBatchedBodyBytes)],
  ])("%s", async (_name, head, body) => {
    const got = await seen(head, body);
    expect(got.batched).toBe(true);
    expect(JSON.parse(String(got.headers["x-cf-blob"]))).toMatchObject({
      tlsClientAuth: { certSubjectDNRFC2253: "CN=sae-a" },
      qkd: { node: "tn-1" },
    });
  });

  it.each([
    ["another path", get("/api/v1/keys/sae-c/status"), ""],
    ["a batch's path", get(BATCH_PATH), ""],
    ["a GET with a body", `${get(ENC)}\r\nContent-Length: 2`, "{}"],
    ["a GET with an empty body", `${get(ENC)}\r\nContent-Length: 0`, ""],
    ["PUT", post(2).replace("POST", "PUT"), "{}"],
    ["a body over the bound", post(LIMITS.frontBatchedBodyBytes + 1), " ".repeat(LIMITS.frontBatchedBodyBytes + 1)],
    ["a body that is no UTF-8", post(3), Buffer.from([0x22, 0xff, 0x22])],
    ["a surrogate in UTF-8's clothes", post(3), Buffer.from([0xed, 0xa0, 0x80])],
    [
      "a header that is taken away",
      get(ENC, "Host: x\r\nConnection: close, Idempotency-Key\r\nIdempotency-Key: a"),
      "",
    ],
    ["a key beyond ASCII", get(ENC, `${CLOSE}\r\nIdempotency-Key: \xe9`), ""],
    ["two hosts", get(ENC, `${CLOSE}\r\nHost: other`), ""],
    ["what a page asks of its own host", get(ENC, `${CLOSE}\r\nSec-Fetch-Site: same-origin`), ""],
    ["what a page says where it is from", post(2, `${CLOSE}\r\nOrigin: https://evil.example`), "{}"],
    ["a host that is a path", get(ENC, "Host: x/y\r\nConnection: close"), ""],
    ["a host that is no address", get(ENC, "Host: 999.999.999.999\r\nConnection: close"), ""],
    ["a port that is none", get(ENC, "Host: x:99999\r\nConnection: close"), ""],
    ["an empty host", get(ENC, "Host:\r\nConnection: close"), ""],
  ])("but not %s", async (_name, head, body) => expect((await seen(head, body)).batched).toBeUndefined());

  it("nor HEAD", async () => {
    const options = { ...bench.tlsOf(saeA), method: "HEAD", agent: false as const };
    const answer = await httpsRequest(bench.front.url + ENC, options);
    expect(answer.headers["content-length"] === undefined || answer.body === "").toBe(true);
  });

  it("leaves a byte order mark out, as the edge does", async () => {
    const marked = "\ufeff{}";
    expect(await seen(post(Buffer.byteLength(marked)), marked)).toMatchObject({ batched: true, bodyBytes: 2 });
    const twice = "\ufeff\ufeff{}";
    expect(await seen(post(Buffer.byteLength(twice)), twice)).toMatchObject({ batched: true, bodyBytes: 5 });
  });

  it("refuses what would break out of a request line", async () => {
    for (const target of [`${ENC}?a\x00b`, `${ENC}?a\x7f`, `${ENC} b`, `${ENC}?æ`, "/api/v1/keys/sæ/enc_keys"]) {
      const answer = await tlsExchange(bench.front.url, bench.tlsOf(saeA), `${get(target)}\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 400 |^$/);
    }
  });
});

/** Fronts of one process before an engine that a test plays. */
async function withEngine(
  play: (batch: Batch<Cf>, res: http.ServerResponse) => void | Promise<void>,
  use: (fronts: readonly Front[], engine: http.Server) => Promise<void>,
  requestsPerCertificate = 128,
): Promise<void> {
  const path = join(bench.directory, `played-${(engines += 1)}.sock`);
  const engine = http.createServer((req, res) => {
    // Fronts ask whose certificates still count: that is another story.
    if (req.url === CONTRACT.getWhoami.path) res.writeHead(503).end();
    else if (req.url === BATCH_PATH) void batchOf(req).then((batch) => play(batch, res));
    else echo(req, res);
  });
  engine.listen(path);
  await once(engine, "listening");
  const bounds = { connectionsPerCertificate: 256, requestsPerCertificate, bufferedBytes: 1024 * 1024 };
  const carrier = { ...createCarrier({ type: "unix", path }), load: createLoad(bounds) };
  const nodes = ["tn-1", "tn-2"];
  const fronts = await Promise.all(nodes.map((node) => startFront({ ...bench.config, node }, carrier, () => {})));
  try {
    await use(fronts, engine);
  } finally {
    await Promise.all(fronts.map((front) => front.close()));
    carrier.close();
    engine.closeAllConnections();
    if (engine.listening) await new Promise((resolve) => engine.close(resolve));
  }
}
let engines = 0;

interface Cf {
  readonly tlsClientAuth: { readonly certSubjectDNRFC2253: string };
  readonly qkd: { readonly node: string };
}
async function batchOf(req: http.IncomingMessage): Promise<Batch<Cf>> {
  let text = "";
  for await (const chunk of req.setEncoding("utf8")) text += String(chunk);
  return readBatch(text);
}
/** What became of a request that travelled by itself. */
function echo(req: http.IncomingMessage, res: http.ServerResponse): void {
  let bytes = 0;
  req.on("data", (chunk: Buffer) => (bytes += chunk.length));
  req.on("end", () => res.end(`${req.method} ${req.url}: ${bytes} bytes, ${String(req.headers["idempotency-key"])}`));
}
const answerTo = (batch: Batch<Cf>, request: number): Parameters<typeof writePart>[0][number] => {
  const { caller, target } = batch.requests[request]!;
  const { tlsClientAuth, qkd } = batch.callers[caller]!;
  return {
    request,
    status: 200,
    headers: { "Content-Type": "text/plain" },
    body: `${tlsClientAuth.certSubjectDNRFC2253} at ${qkd.node}: ${target}`,
  };
};

describe("many at once", () => {
  it("answers each connection for its own certificate and its own KME, whatever travels together", () =>
    withEngine(
      (batch, res) => {
        const numbers = batch.requests.map((_, number) => number).toReversed();
        for (const number of numbers) res.write(writePart([answerTo(batch, number)]));
        res.end();
      },
      async (fronts) => {
        const names = Array.from({ length: 6 }, (_, i) => `sae-${i}`);
        const who = await Promise.all(names.map((name) => bench.client(name)));
        await Promise.all(
          who.flatMap((one, i) =>
            fronts.map(async ({ url, node }) => {
              const agent = new https.Agent({ keepAlive: true, maxSockets: 2 });
              const paths = Array.from({ length: 20 }, (_, n) => `${ENC}?${names[i]}-${n}`);
              const answers = await Promise.all(
                paths.map((path) => httpsRequest(url + path, { ...bench.tlsOf(one), agent })),
              );
              expect(answers.map(({ body }) => body)).toEqual(
                paths.map((path) => `CN=${names[i]} at ${node}: ${path}`),
              );
              agent.destroy();
            }),
          ),
        );
      },
    ));

  it.each(["plain", "", "é", "\u20ac and \u{1f511}", `${"x".repeat(100_000)}\u00e9`])(
    "passes on any text whole (%#)",
    (text) =>
      withEngine(
        (batch, res) => {
          res.end(writePart(batch.requests.map((_, request) => ({ ...answerTo(batch, request), body: text }))));
        },
        async ([front]) => {
          const answer = await httpsRequest(front!.url + ENC, { ...bench.tlsOf(saeA), agent: false });
          expect([answer.status, answer.body, answer.headers["content-length"]]).toEqual([
            200,
            text,
            String(Buffer.byteLength(text)),
          ]);
        },
      ),
  );

  it("answers pipelined requests in their order", () =>
    withEngine(
      (batch, res) => {
        for (const i of batch.requests.keys()) res.write(writePart([answerTo(batch, batch.requests.length - 1 - i)]));
        res.end();
      },
      async ([front]) => {
        const paths = Array.from({ length: 10 }, (_, i) => `${ENC}?${i}`);
        const requests = paths.map((path, i) => `${get(path, i < 9 ? "Host: x" : CLOSE)}\r\n\r\n`).join("");
        const text = await tlsExchange(front!.url, bench.tlsOf(saeA), requests);
        expect(Array.from(text.matchAll(/CN=sae-a at tn-1: (\S+?)(?:HTTP|$)/g), ([, path]) => path)).toEqual(paths);
      },
    ));

  it("does not let one that waits hold up those beside it, nor those after it", () => {
    const { promise: arrival, resolve: arrives } = Promise.withResolvers<void>();
    return withEngine(
      async (batch, res) => {
        const slow = batch.requests.findIndex(({ target }) => target.endsWith("?slow"));
        const quick = [...batch.requests.keys()].filter((number) => number !== slow);
        res.write(writePart(quick.map((number) => answerTo(batch, number))));
        if (slow !== -1) await arrival;
        res.end(slow === -1 ? "" : writePart([answerTo(batch, slow)]));
      },
      async ([front]) => {
        const ask = (query: string) =>
          httpsRequest(`${front!.url}${ENC}?${query}`, { ...bench.tlsOf(saeA), agent: false });
        const slow = ask("slow");
        for (let i = 0; i < 5; i++) expect((await ask(`quick-${i}`)).status).toBe(200);
        const beside = await Promise.all([ask("a"), ask("b"), ask("c")]);
        expect(beside.map(({ status }) => status)).toEqual([200, 200, 200]);
        arrives();
        expect((await slow).body).toBe(`CN=sae-a at tn-1: ${ENC}?slow`);
      },
    );
  });
});

describe("clients and engines that leave", () => {
  it("gives back what a client held once, whether it leaves before or after its request was sent", () => {
    const held: http.ServerResponse[] = [];
    return withEngine(
      (_batch, res) => void held.push(res.on("close", () => held.splice(held.indexOf(res), 1))),
      async ([front]) => {
        const statusOf = (path: string): Promise<number> =>
          httpsRequest(front!.url + path, { ...bench.tlsOf(saeA), agent: false }).then(({ status }) => status);
        for (let round = 0; round < 3; round++) {
          // The first batch is at the engine, which says nothing; the second request waits.
          const port = Number(new URL(front!.url).port);
          const sockets = [0, 1].map(() => connectTls({ host: "127.0.0.1", port, ...bench.tlsOf(saeA) }));
          for (const socket of sockets) socket.on("error", () => {});
          sockets[0]!.write(`${get(ENC)}\r\n\r\n`);
          await expect.poll(() => held.length).toBe(1);
          sockets[1]!.write(`${get(ENC)}\r\n\r\n`);
          await expect.poll(() => statusOf("/x")).toBe(503);
          for (const socket of sockets) socket.destroy();
          // Nobody waits for it any more: the front hangs up on the engine.
          await expect.poll(() => held.length).toBe(0);
          await expect.poll(() => statusOf("/x")).toBe(200);
        }
      },
      2,
    );
  });

  it("answers 503 when the engine dies, to each once, and serves again when it is back", () => {
    let deaths = 0;
    return withEngine(
      (batch, res) => {
        if (deaths === 0) {
          deaths += 1;
          res.write(writePart([answerTo(batch, 0)]).slice(0, -3));
          setImmediate(() => res.destroy());
        } else res.end(writePart([...batch.requests.keys()].map((number) => answerTo(batch, number))));
      },
      async ([front]) => {
        const agent = new https.Agent({ keepAlive: true, maxSockets: 8 });
        const ask = () => httpsRequest(front!.url + ENC, { ...bench.tlsOf(saeA), agent });
        const answers = await Promise.all(Array.from({ length: 8 }, ask));
        const failed = answers.filter(({ status }) => status === 503);
        expect(failed.length).toBeGreaterThan(0);
        for (const { headers, body } of failed) {
          expect(headers["retry-after"]).toBe("1");
          expect(JSON.parse(body)).toEqual({ message: "the key manager behind this KME does not answer" });
        }
        const later = await Promise.all(Array.from({ length: 8 }, ask));
        expect(later.map(({ status }) => status)).toEqual(later.map(() => 200));
        agent.destroy();
      },
    );
  });

  it("sends by itself what the engine will not serve in a batch, whole", () =>
    withEngine(
      (_batch, res) => void res.end(writePart([{ request: 0, status: ALONE, headers: {}, body: "" }])),
      async ([front]) => {
        const headers = { "Idempotency-Key": "k" };
        const options = { ...bench.tlsOf(saeA), agent: false as const, method: "POST", headers };
        const answer = await httpsRequest(front!.url + ENC, options, "{}");
        expect([answer.status, answer.body]).toEqual([200, `POST ${ENC}: 2 bytes, k`]);
        const chunked = { ...options, headers: { ...headers, "transfer-encoding": "chunked" } };
        expect((await httpsRequest(front!.url + ENC, chunked, "{ }")).body).toBe(`POST ${ENC}: 3 bytes, k`);
        expect((await httpsRequest(front!.url + ENC, { ...options, method: "GET" })).body).toBe(
          `GET ${ENC}: 0 bytes, k`,
        );
      },
    ));
});
