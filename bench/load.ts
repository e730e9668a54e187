/**
 * The load tool, in a process of its own: N keep-alive mTLS connections to each of two KMEs, each pair of them making
 * round trips without pause: enc_keys as the master, then dec_keys as the slave.
 *
 * Answers are compared as they come (one string comparison); key IDs and keys are checked for repeats after the clock
 * has stopped, over all runs of this process.
 */
import https from "node:https";
import { summarise, type LatencySummary } from "./statistics.ts";

export interface Endpoint {
  /** Origin and what stands before `/enc_keys` or `/dec_keys`. */
  readonly url: string;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}
export interface LoadSpec {
  readonly master: Endpoint;
  readonly slave: Endpoint;
  readonly connections: number;
  readonly keysPerRequest: number;
  readonly sizeBits: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** False for the no-op server, whose keys are always the same. */
  readonly keysAreUnique: boolean;
}
export interface LoadResult extends LatencySummary {
  readonly roundTripsPerS: number;
  readonly keysPerS: number;
  /** Keys looked at for repeats. */
  readonly checkedKeys: number;
  /** What went wrong, at most a few; empty for a good run. */
  readonly problems: readonly string[];
}
export type FromLoad = { readonly type: "done"; readonly result: LoadResult };

/** Kept for the check afterwards; a longer run is checked up to here. */
const KEPT_CHARS = 192 * 1024 * 1024;
const seenIds = new Set<string>();
const seenKeys = new Set<string>();

interface Answer {
  readonly status: number;
  readonly body: string;
}
interface Run {
  readonly spec: LoadSpec;
  readonly latenciesMs: number[];
  readonly containers: string[];
  keptChars: number;
  readonly problems: string[];
  measuring: boolean;
  stopped: boolean;
}

process.on("message", (spec: LoadSpec) => {
  void run(spec).then((result) => process.send?.({ type: "done", result } satisfies FromLoad));
});
process.on("disconnect", () => process.exit(0));

async function run(spec: LoadSpec): Promise<LoadResult> {
  const state: Run = {
    spec,
    latenciesMs: [],
    containers: [],
    keptChars: 0,
    problems: [],
    measuring: false,
    stopped: false,
  };
  const workers = Array.from({ length: spec.connections }, () => work(state));
  await pause(spec.warmUpMs);
  state.measuring = true;
  const startMs = performance.now();
  await pause(spec.measureMs);
  state.measuring = false;
  const seconds = (performance.now() - startMs) / 1000;
  state.stopped = true;
  await Promise.all(workers);
  if (state.latenciesMs.length === 0) state.problems.push("no round trip was completed");
  const checkedKeys = spec.keysAreUnique ? checkRepeats(state) : 0;
  const latencies = state.latenciesMs.length === 0 ? [0] : state.latenciesMs;
  const roundTripsPerS = state.latenciesMs.length / seconds;
  const keysPerS = roundTripsPerS * spec.keysPerRequest;
  return { ...summarise(latencies), roundTripsPerS, keysPerS, checkedKeys, problems: state.problems.slice(0, 5) };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One connection to each side, round trip after round trip. Any fault ends it: a bench of failures means nothing. */
async function work(state: Run): Promise<void> {
  const { spec } = state;
  const [toMaster, toSlave] = [client(spec.master), client(spec.slave)];
  try {
    while (!state.stopped && state.problems.length === 0) {
      const startMs = performance.now();
      const problem = await roundTrip(state, toMaster, toSlave);
      if (problem !== null) state.problems.push(problem);
      else if (state.measuring) state.latenciesMs.push(performance.now() - startMs);
    }
  } catch (error) {
    state.problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    toMaster.close();
    toSlave.close();
  }
}

interface Client {
  request(method: "GET" | "POST", path: string, body?: string): Promise<Answer>;
  close(): void;
}

async function roundTrip(state: Run, toMaster: Client, toSlave: Client): Promise<string | null> {
  const { keysPerRequest, sizeBits } = state.spec;
  const enc = await toMaster.request("GET", `/enc_keys?number=${keysPerRequest}&size=${sizeBits}`);
  if (enc.status !== 200) return `enc_keys answered ${enc.status}: ${enc.body.slice(0, 200)}`;
  const ids = keyIdsOf(enc.body);
  if (ids.length !== keysPerRequest) return `enc_keys gave ${ids.length} keys instead of ${keysPerRequest}`;
  const dec =
    ids.length === 1
      ? await toSlave.request("GET", `/dec_keys?key_ID=${ids[0]}`)
      : await toSlave.request("POST", "/dec_keys", `{"key_IDs":[{"key_ID":"${ids.join('"},{"key_ID":"')}"}]}`);
  if (dec.status !== 200) return `dec_keys answered ${dec.status}: ${dec.body.slice(0, 200)}`;
  if (enc.body !== dec.body && !sameKeys(enc.body, dec.body)) return "the two ends got unequal keys";
  if (state.spec.keysAreUnique && state.keptChars < KEPT_CHARS) {
    state.containers.push(enc.body);
    state.keptChars += enc.body.length;
  }
  return null;
}

function client({ url, cert, key, ca }: Endpoint): Client {
  const { hostname, port, pathname } = new URL(url);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, cert, key, ca, servername: "" });
  return {
    request: (method, path, body) =>
      new Promise((resolve, reject) => {
        const headers: Record<string, string | number> =
          body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
        const request = https.request({ agent, hostname, port, method, path: pathname + path, headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const whole = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
            resolve({ status: response.statusCode ?? 0, body: whole.toString("latin1") });
          });
        });
        request.on("error", reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

const ID_MEMBER = '"key_ID":"';

/** Cut out by position: parsing the whole container would measure this tool. */
function keyIdsOf(container: string): string[] {
  const ids: string[] = [];
  for (let at = container.indexOf(ID_MEMBER); at !== -1; at = container.indexOf(ID_MEMBER, at + 46)) {
    ids.push(container.slice(at + ID_MEMBER.length, at + ID_MEMBER.length + 36));
  }
  return ids;
}

interface Container {
  readonly keys: readonly { readonly key_ID: string; readonly key: string }[];
}
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a bench of a server that answers otherwise fails anyway
const parse = (container: string): Container => JSON.parse(container) as Container;

const keysOf = (container: string): Map<string, string> =>
  new Map(parse(container).keys.map(({ key_ID, key }) => [key_ID, key]));

function sameKeys(one: string, other: string): boolean {
  const [ours, theirs] = [keysOf(one), keysOf(other)];
  return ours.size === theirs.size && [...ours].every(([id, key]) => theirs.get(id) === key);
}

/** No key ID twice, no key under two IDs: neither in this run nor in an earlier one. */
function checkRepeats(state: Run): number {
  let checked = 0;
  for (const container of state.containers) {
    for (const { key_ID, key } of parse(container).keys) {
      if (seenIds.has(key_ID)) state.problems.push("a key ID was given out twice");
      if (seenKeys.has(key)) state.problems.push("a key was given out under two IDs");
      if (Buffer.from(key, "base64").length * 8 !== state.spec.sizeBits) state.problems.push("a key of another size");
      seenIds.add(key_ID);
      seenKeys.add(key);
      checked++;
    }
  }
  return checked;
}
