/** The agent of one site, that serves the binary binding over mutual TLS; and who may be its client. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createAuthority, issue } from "../../pki/authority.ts";
import { freePort } from "../../scripts/start/ports.ts";
import type { OwnEdge } from "../own-edge.ts";
import { end } from "../processes/child.ts";
import { endsWithThis } from "../tunnel/paths/guard.ts";
import { Output } from "../tunnel/paths/output.ts";
import type { TlsClient } from "./load/jobs.ts";

const AGENT = join(import.meta.dirname, "..", "..", "tunnel", "main.ts");
const SITE = "site-a";
const ENROLS_WITH = "enrol-agent-tn-1";
const ATTEMPTS = 300;
const RETRY_MS = 100;

export interface BinaryAgent {
  readonly port: number;
  readonly client: TlsClient;
  stop(): Promise<void>;
}

export async function startAgent(edge: OwnEdge, sae: string, node: string): Promise<BinaryAgent> {
  const folder = join(edge.root, "agent");
  mkdirSync(folder, { mode: 0o700 });
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
  const { client, server } = await certificates();
  const port = await freePort();
  write("token", edge.tokens[ENROLS_WITH] ?? "");
  write("ca.crt", client.ca);
  write("server.crt", server.certificate);
  write("server.key", server.key);
  write("agent.toml", configOf(edge.url, { sae, node, port }));
  const child = spawn(process.execPath, [AGENT, "run", join(folder, "agent.toml")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = new Output(`the agent of ${SITE}`, child);
  endsWithThis(child);
  await untilListening(port, output, child);
  return { port, client, stop: () => end(child) };
}

async function certificates() {
  const authority = await createAuthority("bench CA");
  const server = await issue(authority, {
    commonName: "agent",
    usage: "server",
    sans: [{ type: "ip", value: "127.0.0.1" }],
  });
  const { certificate: cert, key } = await issue(authority, { commonName: "application", usage: "client" });
  const client: TlsClient = { cert, key, ca: authority.certificate.toString("pem") };
  return { server, client };
}

interface Listener {
  readonly sae: string;
  readonly node: string;
  readonly port: number;
}

const configOf = (edge: string, { sae, node, port }: Listener): string => `edge = "${edge}"
site = "${SITE}"
token_file = "token"
state = "state"

[log.console]
level = "warning"

[[etsi004]]
kind = "binary"
port = ${port}
sae = "${sae}"
node = "${node}"

[etsi004.tls]
cert = "server.crt"
key = "server.key"
client_ca = "ca.crt"
`;

/** @throws Error with what the agent says instead */
async function untilListening(port: number, output: Output, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS && !output.ended; attempt++) {
    if (await isListening(port)) return;
    await sleep(RETRY_MS);
  }
  await end(child);
  throw new Error(`no binary binding: ${output.text}`);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    const settle = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}
