/** The load tool as the bench runs it, against an edge that is none: what it lets pass and what it does not. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LoadTool, startJobs } from "../../processes/jobs.ts";
import type { Ends, Jobs } from "./jobs.ts";

/** Of enc_keys: every `refusesEach`-th is answered 503; and the key's bytes are others at the other end, or always the same. */
interface Manners {
  readonly refusesEach?: number;
  readonly isUnequal?: boolean;
  readonly isAlwaysTheSame?: boolean;
}

let load: LoadTool<Jobs>;
let server: Server;
let manners: Manners = {};
let asked = 0;
const keys = new Map<string, string>();
const ONE = randomBytes(32).toString("base64");
const newKey = (): string => randomBytes(32).toString("base64");

const containerOf = (key_ID: string, key: string) => ({ status: 200, body: { keys: [{ key_ID, key }] } });

function answerTo(path: string): { readonly status: number; readonly body: object } {
  if (path.startsWith("/status")) return { status: 200, body: {} };
  if (path.startsWith("/dec_keys")) {
    const id = path.split("=")[1] ?? "";
    return containerOf(id, manners.isUnequal === true ? newKey() : (keys.get(id) ?? ""));
  }
  asked += 1;
  if (asked % (manners.refusesEach ?? Infinity) === 0)
    return { status: 503, body: { message: "no-path: no path to there" } };
  const id = randomUUID();
  keys.set(id, manners.isAlwaysTheSame === true ? ONE : newKey());
  return containerOf(id, keys.get(id) ?? "");
}

function ends(): Ends {
  const { port } = server.address() as AddressInfo;
  const end = { url: `http://127.0.0.1:${port}`, token: "t" };
  return { master: end, slave: end };
}

beforeAll(async () => {
  server = createServer((request, response) => {
    const { status, body } = answerTo(request.url ?? "");
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  load = startJobs<Jobs>(join(import.meta.dirname, "main.ts"));
});

afterAll(async () => {
  await load.stop();
  server.close();
});

const atRate = { perS: 200, forMs: 200, connections: 4 };

test("as many as are due, and which of them were refused", async () => {
  manners = { refusesEach: 4 };
  asked = 0;
  const { due, done, refused, refusals, count, checkedKeys } = await load.run("at-rate", { ...ends(), ...atRate });
  expect({ due, done, refused, refusals, count, checkedKeys }).toEqual({
    due: 40,
    done: 30,
    refused: 10,
    refusals: { "no-path": 10 },
    count: 30,
    checkedKeys: 30,
  });
});

test("no key at all is no rate", async () => {
  manners = { refusesEach: 1 };
  await expect(load.run("at-rate", { ...ends(), ...atRate })).rejects.toThrow("all were refused");
});

test("one time for each first key, and none may be refused", async () => {
  manners = {};
  const three = [ends(), ends(), ends()];
  for (const wakes of [true, false]) {
    expect((await load.run("first", { ends: three, wakes })).encMs).toHaveLength(3);
  }
  manners = { refusesEach: 1 };
  await expect(load.run("first", { ends: [ends()], wakes: true })).rejects.toThrow("no path");
});

test.each<[string, Manners]>([
  ["unequal", { isUnequal: true }],
  ["under two IDs", { isAlwaysTheSame: true }],
])("keys that are %s end each job", async (problem, bad) => {
  manners = bad;
  await expect(load.run("at-rate", { ...ends(), ...atRate })).rejects.toThrow(problem);
  await expect(load.run("first", { ends: [ends(), ends()], wakes: true })).rejects.toThrow(problem);
  const crowd = { ...ends(), connections: 2, warmUpMs: 0, measureMs: 30 };
  await expect(load.run("many", crowd)).rejects.toThrow(problem);
});
