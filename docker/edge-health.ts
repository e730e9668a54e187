/**
 * Is the edge up, and each KME front of it? A container's health check. Linux is asked who listens: a connection without a
 * handshake would be a line in the front's log, six times a minute.
 *
 * node docker/edge-health.ts STATE [/proc/net]
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const PATIENCE_MS = 3000;

interface Ports {
  readonly edge: string;
  readonly kme: Readonly<Record<string, string>>;
}

const [state = ".", tables = "/proc/net"] = process.argv.slice(2);
/** Written when it serves, gone when it does not. */
const { edge, kme } = JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as Ports;
const { status } = await fetch(`${edge}/healthz`, { signal: AbortSignal.timeout(PATIENCE_MS) });
if (status !== 200) throw new Error(`the edge answers ${status}`);

/** A line a socket: number, local ADDRESS:PORT in hexadecimal, remote one, state. */
const LISTENING = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A /gm;
/** A host without IPv6 has no table of it. */
const files = ["tcp", "tcp6"].map((family) => join(tables, family)).filter((file) => existsSync(file));
const sockets = files.map((file) => readFileSync(file, "utf8")).join("");
const ports = new Set([...sockets.matchAll(LISTENING)].map(([, port = ""]) => Number.parseInt(port, 16)));
for (const [node, url] of Object.entries(kme))
  if (!ports.has(Number(new URL(url).port))) throw new Error(`the KME of ${node} does not listen`);
