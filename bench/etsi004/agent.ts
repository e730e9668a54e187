/** The agent of one site, that serves the binary binding over mutual TLS; and who may be its client. */
import { createAuthority, issue } from "../../pki/authority.ts";
import { freePort } from "../../scripts/start/ports.ts";
import { startOwnAgent } from "../own-agent.ts";
import type { OwnEdge } from "../own-edge.ts";
import type { TlsClient } from "./load/jobs.ts";

const SITE = "site-a";
const ENROLS_WITH = "enrol-agent-tn-1";

export interface BinaryAgent {
  readonly port: number;
  readonly client: TlsClient;
  stop(): Promise<void>;
}

export async function startAgent(edge: OwnEdge, sae: string, node: string): Promise<BinaryAgent> {
  const { client, server } = await certificates();
  const port = await freePort();
  const files = {
    "ca.crt": client.ca,
    "server.crt": server.certificate,
    "server.key": server.key,
    "agent.toml": configOf(edge.url, { sae, node, port }),
  };
  const agent = await startOwnAgent(edge, { site: SITE, enrolsWith: ENROLS_WITH, files, port });
  return { port, client, stop: () => agent.stop() };
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
