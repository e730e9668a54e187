/** Batches over a real unix socket, before a stand-in for the engine that answers when and what a test says. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ALONE, BATCH_PATH, type BatchRequest, readBatch, writePart } from "../../../shared/batch/batch.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { type Batches, createBatches } from "./batches.ts";
import type { Caller } from "./identity.ts";

/** A batch as the engine got it. */
interface Arrived {
  readonly requests: readonly BatchRequest[];
  readonly callers: readonly { readonly who: string }[];
  /** Each request's own caller and target: what the engine would serve. */
  readonly asked: readonly string[];
  /** The connection is gone. */
  readonly closed: Promise<unknown>;
  begin(): void;
  answer(...numbers: number[]): void;
  write(text: string): void;
  end(text?: string): void;
  hangUp(): void;
}

class Engine {
  readonly server = http.createServer((req, res) => void this.#take(req, res));
  /** All that came. */
  readonly batches: Arrived[] = [];
  /** Where set, does with each batch what is to be done. */
  serve: ((batch: Arrived) => void) | undefined;
  #next: ((batch: Arrived) => void)[] = [];
  #untaken: Arrived[] = [];

  async #take(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const closed = once(res, "close");
    let text = "";
    for await (const chunk of req.setEncoding("utf8")) text += String(chunk);
    const { callers, requests } = readBatch<{ who: string }>(text);
    const asked = requests.map(({ caller, target }) => `${callers[caller]?.who} ${target}`);
    const part = (numbers: readonly number[]): string =>
      writePart(numbers.map((request) => ({ request, status: 200, headers: {}, body: asked[request] ?? "" })));
    const arrived: Arrived = {
      requests,
      callers,
      asked,
      closed,
      begin: () => res.flushHeaders(),
      answer: (...numbers) => void res.write(part(numbers)),
      write: (more) => void res.write(more),
      end: (more) => void res.end(more ?? part(requests.map((_, number) => number))),
      hangUp: () => void res.destroy(),
    };
    this.batches.push(arrived);
    const waiting = this.serve ?? this.#next.shift();
    if (waiting === undefined) this.#untaken.push(arrived);
    else waiting(arrived);
  }

  async batch(): Promise<Arrived> {
    return this.#untaken.shift() ?? (await new Promise((resolve) => this.#next.push(resolve)));
  }
}

const callerNamed = (who: string): Caller => ({ cfBlob: JSON.stringify({ who }) }) as Caller;

let directory: string;
let engine: Engine;
let agent: http.Agent;
let count = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "qkd-batches-"));
});
afterAll(() => rmSync(directory, { recursive: true }));
let socketPath: string;
beforeEach(async () => {
  engine = new Engine();
  agent = new http.Agent({ keepAlive: true });
  socketPath = join(directory, `${(count += 1)}.sock`);
  engine.server.listen(socketPath);
  await once(engine.server, "listening");
});
afterEach(async () => {
  agent.destroy();
  engine.server.closeAllConnections();
  if (engine.server.listening) await new Promise((resolve) => engine.server.close(resolve));
});

const post = (): http.ClientRequest => http.request({ agent, socketPath, method: "POST", path: BATCH_PATH });
const open = (more: { batches?: number; requestsEach?: number; answerMs?: number } = {}): Batches =>
  createBatches(post, { batches: 1, requestsEach: 3, answerMs: 30_000, ...more });

interface Sent {
  /** What it was told, in order. */
  readonly told: string[];
  readonly settled: Promise<string>;
  readonly withdraw: () => void;
}
function send(batches: Batches, target: string, who = "a", more: Partial<BatchRequest> = {}): Sent {
  const told: string[] = [];
  const { promise: settled, resolve } = Promise.withResolvers<string>();
  const tell = (what: string): void => {
    told.push(what);
    resolve(what);
  };
  const withdraw = batches.send({
    method: "GET",
    body: null,
    idempotencyKey: null,
    requestId: "asked",
    traceparent: null,
    ...more,
    target,
    caller: callerNamed(who),
    answered: ({ status, body }) => tell(`${status} ${body}`),
    alone: () => tell("alone"),
    failed: () => tell("failed"),
  });
  return { told, settled, withdraw };
}

describe("what travels together", () => {
  it("sends a lone request at once, as it is", async () => {
    const sent = send(open(), "/x?y", "a", { method: "POST", body: '{"é":"\\ud800"}', idempotencyKey: "k" });
    const named = { requestId: "asked", traceparent: null };
    const batch = await engine.batch();
    expect(batch.requests).toEqual([
      { ...named, caller: 0, method: "POST", target: "/x?y", body: '{"é":"\\ud800"}', idempotencyKey: "k" },
    ]);
    expect(batch.callers).toEqual([{ who: "a" }]);
    batch.end();
    expect(await sent.settled).toBe("200 a /x?y");
  });

  it("takes what comes in one turn along, in order, up to the bound; the rest follows, one batch at a time", async () => {
    const batches = open();
    const sent = Array.from({ length: 7 }, (_, i) => send(batches, `/${i}`));
    const first = await engine.batch();
    expect(first.asked).toEqual(["a /0", "a /1", "a /2"]);
    expect(engine.batches).toHaveLength(1);
    first.end();
    const second = await engine.batch();
    expect(second.asked).toEqual(["a /3", "a /4", "a /5"]);
    second.end();
    (await engine.batch()).end();
    expect(await Promise.all(sent.map(({ settled }) => settled))).toEqual(sent.map((_, i) => `200 a /${i}`));
    expect(engine.batches).toHaveLength(3);
  });

  it("has as many batches under way as it may, and no more", async () => {
    const batches = open({ batches: 2, requestsEach: 1 });
    const sent = Array.from({ length: 5 }, (_, i) => send(batches, `/${i}`));
    const [first, second] = [await engine.batch(), await engine.batch()];
    second.end();
    expect((await engine.batch()).asked).toEqual(["a /2"]);
    expect(engine.batches).toHaveLength(3);
    expect(sent.map(({ told }) => told.length)).toEqual([0, 1, 0, 0, 0]);
    first.end();
    expect((await engine.batch()).asked).toEqual(["a /3"]);
  });

  it("tells every request's own caller: of one certificate at two KMEs, of two at one", async () => {
    const batches = open({ requestsEach: 64 });
    const who = ["a", "b", "a", "a at another KME", "b"];
    const sent = who.map((name, i) => send(batches, `/${i}`, name));
    const batch = await engine.batch();
    expect(batch.callers.map((caller) => caller.who)).toEqual(["a", "b", "a at another KME"]);
    expect(batch.asked).toEqual(who.map((name, i) => `${name} /${i}`));
    batch.answer(4, 2, 0);
    batch.answer(3, 1);
    expect(await Promise.all(sent.map(({ settled }) => settled))).toEqual(who.map((name, i) => `200 ${name} /${i}`));
  });
});

describe("answers in parts", () => {
  it("gives out what is there, and sends the next batch once the engine begins to answer", async () => {
    const batches = open();
    const sent = Array.from({ length: 5 }, (_, i) => send(batches, `/${i}`));
    const first = await engine.batch();
    first.begin();
    const second = await engine.batch();
    expect(second.asked).toEqual(["a /3", "a /4"]);
    first.answer(2, 0);
    expect(await Promise.all([sent[2]!.settled, sent[0]!.settled])).toEqual(["200 a /2", "200 a /0"]);
    second.end();
    expect(await sent[4]!.settled).toBe("200 a /4");
    expect(sent[1]!.told).toEqual([]);
    first.answer(1);
    first.end("");
    expect(await sent[1]!.settled).toBe("200 a /1");
  });

  it("has sent alone what the engine will not serve in a batch", async () => {
    const batches = open();
    const sent = [send(batches, "/0"), send(batches, "/1")];
    const batch = await engine.batch();
    batch.answer(0);
    batch.end(writePart([{ request: 1, status: ALONE, headers: {}, body: "" }]));
    expect(await Promise.all(sent.map(({ settled }) => settled))).toEqual(["200 a /0", "alone"]);
  });

  it("uses a connection again once all of an answer is read", async () => {
    const batches = open();
    for (const target of ["/0", "/1"]) {
      const sent = send(batches, target);
      (await engine.batch()).end();
      await sent.settled;
      await expect.poll(() => Object.values(agent.freeSockets).flat().length).toBe(1);
    }
    expect(Object.values(agent.sockets).flat()).toHaveLength(0);
  });
});

describe("clients that leave", () => {
  it("does not send what was withdrawn before", async () => {
    const batches = open();
    const first = send(batches, "/0");
    const batch = await engine.batch();
    const [second, third] = [send(batches, "/1"), send(batches, "/2")];
    second.withdraw();
    batch.end();
    const next = await engine.batch();
    expect(next.asked).toEqual(["a /2"]);
    next.end();
    expect([await first.settled, await third.settled, second.told]).toEqual(["200 a /0", "200 a /2", []]);
  });

  it("drops the answer of one who left meanwhile, and gives the others theirs", async () => {
    const batches = open();
    const sent = [send(batches, "/0"), send(batches, "/1")];
    const batch = await engine.batch();
    sent[0]!.withdraw();
    batch.end();
    expect(await sent[1]!.settled).toBe("200 a /1");
    expect(sent[0]!.told).toEqual([]);
    sent[1]!.withdraw();
    const after = send(batches, "/2");
    (await engine.batch()).end();
    expect(await after.settled).toBe("200 a /2");
  });

  it("hangs up on the engine when all have left, and goes on with the next", async () => {
    const batches = open();
    const sent = [send(batches, "/0"), send(batches, "/1")];
    const batch = await engine.batch();
    batch.answer(0);
    await sent[0]!.settled;
    sent[1]!.withdraw();
    await batch.closed;
    const after = send(batches, "/2");
    (await engine.batch()).end();
    expect(await after.settled).toBe("200 a /2");
    expect(sent.map(({ told }) => told)).toEqual([["200 a /0"], []]);
  });
});

describe("an engine in trouble", () => {
  const spoilt: readonly (readonly [string, (batch: Arrived) => void])[] = [
    ["hangs up", (batch) => batch.hangUp()],
    [
      "hangs up in mid-answer",
      (batch) => {
        batch.write('{"headers":[],"ans');
        batch.hangUp();
      },
    ],
    ["ends without a word", (batch) => batch.end("")],
    ["answers something else", (batch) => batch.end("Internal Server Error\n")],
    ["answers a request that was not in it", (batch) => batch.end('{"headers":[[]],"answers":[[7,200,0,0]]}\n')],
  ];
  it.each(spoilt)("%s: what is not answered yet fails, later ones are served", async (_name, spoil) => {
    const batches = open();
    const sent = [send(batches, "/0"), send(batches, "/1"), send(batches, "/2"), send(batches, "/3")];
    const batch = await engine.batch();
    batch.answer(1);
    expect(await sent[1]!.settled).toBe("200 a /1");
    spoil(batch);
    expect([await sent[0]!.settled, await sent[2]!.settled]).toEqual(["failed", "failed"]);
    (await engine.batch()).end();
    expect(await sent[3]!.settled).toBe("200 a /3");
    expect(sent.map(({ told }) => told.length)).toEqual([1, 1, 1, 1]);
  });

  it("answers 500: all fail", async () => {
    engine.server.removeAllListeners("request").on("request", (_req, res: http.ServerResponse) => {
      res.writeHead(500).end("Internal Server Error");
    });
    const batches = open();
    const sent = [send(batches, "/0"), send(batches, "/1")];
    expect(await Promise.all(sent.map(({ settled }) => settled))).toEqual(["failed", "failed"]);
  });

  it("says nothing: all fail in the end", async () => {
    const batches = open({ answerMs: 50 });
    const sent = [send(batches, "/0"), send(batches, "/1")];
    const { closed } = await engine.batch();
    expect(await Promise.all(sent.map(({ settled }) => settled))).toEqual(["failed", "failed"]);
    await closed;
  });

  it("is not there: all fail at once, and are served when it is back", async () => {
    engine.server.closeAllConnections();
    await new Promise((resolve) => engine.server.close(resolve));
    const batches = open();
    const sent = Array.from({ length: 5 }, (_, i) => send(batches, `/${i}`));
    expect(await Promise.all(sent.map(({ settled }) => settled))).toEqual(sent.map(() => "failed"));
    engine.server.listen(socketPath);
    await once(engine.server, "listening");
    const again = send(batches, "/again");
    (await engine.batch()).end();
    expect(await again.settled).toBe("200 a /again");
  });
});

const anyRun = fc.record({
  requests: fc.integer({ min: 1, max: 20 }),
  withdrawn: fc.array(fc.nat(19)),
  engine: fc.infiniteStream(fc.constantFrom("end", "answer one", "alone", "hang up", "rubbish")),
});

let runs = 0;

it("whatever happens, each request hears one thing once, and that is its own", async () => {
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ requests, withdrawn, engine: deeds }) => {
      const batches = open({ batches: 2, requestsEach: 4 });
      const run = (runs += 1);
      const named = (i: number): string => `sae-${i % 3} /${run}/${i}`;
      const sent = Array.from({ length: requests }, (_, i) => send(batches, `/${run}/${i}`, `sae-${i % 3}`));
      const leavers = new Set(withdrawn.filter((i) => i < requests));
      const stay = sent.filter((_, i) => !leavers.has(i));
      // Some before anything is sent, some while their batch is at the engine.
      const [early, late] = [[...leavers].slice(0, 2), [...leavers].slice(2)];
      for (const i of early) sent[i]!.withdraw();
      engine.serve = (batch) => {
        expect(batch.requests.length).toBeLessThanOrEqual(4);
        const i = late.pop();
        if (i !== undefined) sent[i]!.withdraw();
        const deed = deeds.next().value;
        const alone = batch.requests.map((_, request) => ({ request, status: ALONE, headers: {}, body: "" }));
        if (deed === "hang up") batch.hangUp();
        else if (deed === "rubbish") batch.end("rubbish\n");
        else if (deed === "alone") batch.end(writePart(alone));
        else if (deed === "end") batch.end();
        else {
          batch.answer(0);
          batch.end("");
        }
      };
      await Promise.all(stay.map(({ settled }) => settled));
      sent.forEach(({ told }, i) => {
        expect(told.length).toBe(leavers.has(i) ? Math.min(told.length, 1) : 1);
        expect([`200 ${named(i)}`, "alone", "failed", undefined]).toContain(told[0]);
      });
      const asked = engine.batches.flatMap((batch) => batch.asked);
      expect(new Set(asked).size).toBe(asked.length);
      for (const i of early) expect(asked).not.toContain(named(i));
    }),
    { numRuns: 60 },
  );
});

it("has the project's bounds where none are told", async () => {
  const batches = createBatches(post);
  const sent = Array.from({ length: LIMITS.frontBatchRequests + 1 }, (_, i) => send(batches, `/${i}`));
  const first = await engine.batch();
  expect(first.requests).toHaveLength(LIMITS.frontBatchRequests);
  first.end();
  (await engine.batch()).end();
  await Promise.all(sent.map(({ settled }) => settled));
});
