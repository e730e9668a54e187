/**
 * The QKD module as the demo's site agents serve it: qkd-module's own Python examples; and what the agents' hybrid
 * streams make of its binding.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { Result } from "../../shared/result.ts";
import { Edge } from "../../tunnel/agent/link/edge.ts";
import type { Link } from "../../tunnel/agent/link/link.ts";
import { type ActingFor, askAs } from "../../tunnel/services/etsi004/as-agent.ts";
import { type EdgeStreams, edgeStreams } from "../../tunnel/services/etsi004/edge-streams.ts";
import type { QkdPeer } from "../../tunnel/services/hybrid/qkd/types.ts";
import { EdgeQkdSupply } from "../../tunnel/services/hybrid/qkd/supply.ts";
import { type RunningNetwork, runNetwork } from "../support/run-network.ts";

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork({ agents: true });
});
afterAll(async () => {
  await network.stop();
});

type Node = "tn-1" | "tn-2";
const moduleAt = (node: Node): string => network.local.qkdModule?.[node] ?? expect.unreachable();

/**
 * The four examples of the README of qkd-module 0.9, word by word but for the module's address: at one end without a
 * Key_stream_ID, at the other with the one that the first was given.
 */
const EXAMPLES = `
import sys, json
sourceAddress = '127.0.0.1:5000'
moduleDestinationAddress = '127.0.0.1:5001'

def example(module, source, destination, Key_stream_ID):
    import requests
    qos = {'timeout' : 5000, 'length' : 128}
    x = requests.post(module + '/open_connect', data=repr([source, destination, qos, Key_stream_ID]))
    if x.status_code == 200:
        response = eval(x.content)
        Key_stream_ID = response[0]
        status = response[1]
    assert status == 0
    return Key_stream_ID

def get_key(module, Key_stream_ID, index):
    import requests
    x = requests.post(module + '/get_key', data=repr([Key_stream_ID, index, None]))
    if x.status_code == 200:
        response = eval(x.content)
        key = response[0]
        index = response[1]
        status = response[2]
    assert status == 0
    return [list(key), index]

def available(module):
    import requests
    x = requests.post(module + '/available_keys')
    if x.status_code == 200:
        availableKeys = int(eval(x.content)[0])
    return availableKeys

def close(module, Key_stream_ID):
    import requests
    x = requests.post(module + '/close', data=repr([Key_stream_ID]))
    return [x.status_code, eval(x.content)]

one, other = sys.argv[1:]
ksid = example(one, sourceAddress, moduleDestinationAddress, None)
same = example(other, moduleDestinationAddress, sourceAddress, ksid)
first = get_key(one, ksid, -1)
print(json.dumps({
    'same': ksid == same,
    'first': first,
    'fetched': get_key(other, ksid, first[1]),
    'second': get_key(other, ksid, -1),
    'available': available(one),
    'closed': [close(one, ksid), close(other, ksid)],
}))
`;

interface Outcome {
  readonly same: boolean;
  readonly first: readonly [number[], number];
  readonly fetched: readonly [number[], number];
  readonly second: readonly [number[], number];
  readonly available: number;
  readonly closed: readonly [number, number][];
}

test("the four Python examples of the README run as they are", async () => {
  const run = promisify(execFile);
  const { stdout } = await run("python3", ["-c", EXAMPLES, moduleAt("tn-1"), moduleAt("tn-2")]);
  const { same, first, fetched, second, available, closed } = JSON.parse(stdout) as Outcome;
  expect(same).toBe(true);
  expect([first[0].length, first[1], fetched[1], second[1]]).toEqual([16, 0, 0, 1]);
  expect(Buffer.from(first[0]).equals(Buffer.from(fetched[0]))).toBe(true);
  expect(Buffer.from(first[0]).equals(Buffer.from(second[0]))).toBe(false);
  expect(available).toBeGreaterThan(0);
  expect(closed).toEqual([
    [200, 0],
    [200, 0],
  ]);
});

const post = (node: Node, path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(moduleAt(node) + path, { method: "POST", body, headers: { connection: "close", ...headers } });

test("failures of 0.9 are literals that Python and JSON both read; with Accept, what the original wrote", async () => {
  const nobodys = `['${crypto.randomUUID()}', -1, None]`;
  const common = await post("tn-1", "/get_key", nobodys);
  expect([common.status, await common.text()]).toEqual([400, '["", -1, 1]']);
  const exact = await post("tn-1", "/get_key", nobodys, { accept: "application/x-python-literal" });
  expect([exact.status, await exact.text()]).toEqual([400, "[None, -1, 1]"]);
  const bad = await post("tn-1", "/open_connect", "__import__('os').system('id')");
  expect([bad.status, await bad.text()]).toEqual([400, '["", 2]']);
});

const BOMBS: readonly (readonly [string, string])[] = [
  ["nesting", "[".repeat(20_000)],
  ["ten megabytes", `['${"x".repeat(10 * 1024 * 1024)}', -1, None]`],
  ["a number of 60,000 digits", `[${"9".repeat(60_000)}, -1, None]`],
  ["an expression", "[x for x in ().__class__.__base__.__subclasses__()]"],
  ["nothing", ""],
];
test.each(BOMBS)("%s as a body: the binding's own error, and others are served", async (_, body) => {
  const literal = await post("tn-1", "/get_key", body);
  expect([literal.status, await literal.text()]).toEqual([400, '["", -1, 1]']);
  const json = await post("tn-1", "/api/v1/qkdm/actions/get_key", body);
  expect([json.status, Object.keys((await json.json()) as object)]).toEqual([400, expect.arrayContaining(["message"])]);
  expect((await post("tn-1", "/available_keys", "")).status).toBe(200);
});

test("a page in a browser, and another name, are refused", async () => {
  for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
    expect((await post("tn-1", "/close", "['x']", headers)).status).toBe(403);
  }
});

/** The edge as the agent of a node asks it. */
function streamsAt({ sae, node }: ActingFor): EdgeStreams {
  const edge = new Edge({ edge: network.edge });
  onTestFinished(() => edge.close());
  const session = { access: { token: network.tokens[`agent-${node}`] } };
  const owner = { whenUp: () => Promise.resolve(session) } as unknown as Pick<Link, "whenUp">;
  return edgeStreams({ ask: askAs(edge, owner, { sae, node }), binding: "qkd-module", log: () => undefined });
}

function supply(): EdgeQkdSupply {
  const started = new EdgeQkdSupply({ streams: streamsAt, log: () => undefined, nowMs: () => performance.now() });
  onTestFinished(() => started.close());
  return started;
}

const A = { sae: "sae-a", node: "tn-1", uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" };
const C = { sae: "sae-c", node: "tn-2", uuid: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb" };
const inTime = (): AbortSignal => AbortSignal.timeout(60_000);
const valueOf = <T>(result: Result<T, string>): T => (result.ok ? result.value : expect.unreachable(result.error));

test.each([
  ["known", C.sae],
  ["whichever joins", null],
])("key of QKD for hybrid streams (peer: %s): equal bytes for equal numbers at both ends", async (_, sae) => {
  const [initiator, responder] = [supply(), supply()];
  const toC: QkdPeer = { own: A, peer: { ...C, sae }, allocates: "own" };
  const toA: QkdPeer = { own: C, peer: A, allocates: "peer" };
  const seen = new Set<string>();
  const session = async (count: number, at = responder): Promise<Ksid> => {
    const first = valueOf(await initiator.allocate(toC, count, inTime()));
    const taken = await Promise.all([
      initiator.take(toC, first, count, inTime()),
      at.take(toA, first, count, inTime()),
    ]);
    const [ours, theirs] = taken.map(valueOf);
    expect([ours?.length, Buffer.compare(ours ?? Buffer.of(), theirs ?? Buffer.of())]).toEqual([32 * count, 0]);
    seen.add(Buffer.from(ours ?? []).toString("hex"));
    return first.ksid as Ksid;
  };
  const ksid = await session(1);
  for (let quick = 0; quick < 40; quick++) expect(await session(1)).toBe(ksid);
  const several = await Promise.all(Array.from({ length: 20 }, (__, i) => session(1 + (i % 4))));
  await session(100);
  expect([new Set(several).size, seen.size]).toEqual([1, 62]);
  expect((await streamsAt(A).close(ksid, inTime())).ok).toBe(true);
  // What is held already is still given out: less than that many.
  const after = await Promise.all(Array.from({ length: 64 }, () => initiator.allocate(toC, 1, inTime())));
  expect(after.map((each) => valueOf(each).ksid).at(-1)).not.toBe(ksid);
  expect(await session(1)).not.toBe(ksid);
  // Another agent process at the other end knows of no stream.
  const next = await session(1, supply());
  expect(next).not.toBe(ksid);
});
