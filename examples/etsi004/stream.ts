/**
 * A key stream between two applications with the client library: chunk by chunk, and pushed over a WebSocket. With `npm start`
 * running beside it:
 *
 *   node --conditions=qkd-edge-source examples/etsi004/stream.ts
 *
 * (Where the package is installed, plain `node` will do.)
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Chunk, Etsi004Client, StreamError } from "qkd-edge/client";

const state = process.env["QKD_STATE"] ?? ".qkd";
const read = (file: string) => JSON.parse(readFileSync(join(state, file), "utf8")) as Record<string, string>;
const [edge = "", tokens] = [read("ports.json")["edge"], read("tokens.json")];

/** Both ends run here, as two programs at two places would. */
const clientOf = (sae: string): Etsi004Client =>
  new Etsi004Client({
    baseUrl: edge,
    token: () => tokens[sae] ?? "",
    webSocket: (url, _headers, protocols) => new WebSocket(url, [...protocols]),
  });
const [alice, carol] = [clientOf("sae-a"), clientOf("sae-c")];

// OPEN_CONNECT: one end has a stream allocated, and tells the other its ID by whatever way the two talk. It is no secret.
const stream = await alice.openConnect({ destination: "sae-c", qos: { chunkBytes: 32, timeoutMs: 5000 } });
const joined = await carol.openConnect({ destination: "sae-a", ksid: stream.ksid });
console.log(`stream ${stream.ksid} status ${stream.status} then ${joined.status}`);

/** Tells whether two chunks agree, and wipes them. */
function compare(ours: Chunk, theirs: Chunk, how: string): void {
  const isEqual = ours.index === theirs.index && ours.key.every((octet, i) => octet === theirs.key[i]);
  console.log(`chunk ${ours.index} ${how} ${ours.key.length} bytes ${isEqual ? "equal" : "UNEQUAL"}`);
  ours.key.fill(0);
  theirs.key.fill(0);
}

// GET_KEY: the same index, the same bytes, once for each end.
for (let index = 0; index < 3; index++) {
  const [ours, theirs] = await Promise.all([alice.getKey(stream, { index }), carol.getKey(joined, { index })]);
  compare(ours, theirs, "asked for");
}

// The same as a flow: Alice takes what is pushed, Carol fetches what Alice has.
for await (const ours of alice.keys(stream, { credits: 4 })) {
  compare(ours, await carol.getKey(joined, { index: ours.index }), "pushed");
  if (ours.index === 7) break;
}

// CLOSE, each for itself; afterwards nothing more is given.
await alice.close(stream);
await carol.close(joined);
const refused = await alice.getKey(stream).catch((error: unknown) => error);
console.log(refused instanceof StreamError ? `closed: status ${refused.status}` : "UNEXPECTED");
