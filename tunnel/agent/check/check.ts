/** `qkd-agent check`: what would keep this configuration from working, found without running it. */
import { existsSync } from "node:fs";
import type { AgentSettings } from "../config/command-line.ts";
import type { CertificateConfig, ServiceConfig } from "../config/schema.ts";
import { Edge } from "../link/edge.ts";
import { reasonOf } from "../reason.ts";
import { dial } from "../services/dial.ts";
import { InnerTls } from "../services/inner-tls.ts";
import { checkCredential } from "./credential.ts";
import { checkEdge } from "./edge.ts";
import { bad, type Finding, good } from "./finding.ts";
import { checkHybrid } from "./hybrid.ts";
import { checkLocal } from "./local.ts";

/** In the order in which they are to be mended. */
export async function checkAgent(settings: AgentSettings, now: () => number = Date.now): Promise<readonly Finding[]> {
  const { certificate, service: services, listen: listens, feed: feeds, etsi004: local, hybrid } = settings;
  const counted = [
    [services.length, "services"],
    [listens.length, "listeners"],
    [feeds.length, "feeds"],
    ...(local.length === 0 ? [] : [[local.length, "local services"] as const]),
  ] as const;
  return [
    good(`configuration: ${counted.map((each) => each.join(" ")).join(", ")}`),
    ...(await checkReach(settings, now)),
    ...(certificate === undefined ? [] : [checkCertificate(certificate, now())]),
    ...(await Promise.all(services.map(checkService))),
    ...(await Promise.all(local.map(checkLocal))),
    ...(hybrid === undefined ? [] : await checkHybrid(hybrid)),
  ];
}

async function checkReach(settings: AgentSettings, now: () => number): Promise<readonly Finding[]> {
  let edge: Edge;
  try {
    edge = new Edge(settings);
  } catch (thrown) {
    return [bad(reasonOf(thrown))];
  }
  try {
    const findings = await checkEdge(edge, now);
    const isThere = findings.every(({ ok, text }) => ok || text.startsWith("clock"));
    return [...findings, await checkCredential(settings, isThere ? edge : null)];
  } finally {
    edge.close();
  }
}

function checkCertificate(config: CertificateConfig, nowMs: number): Finding {
  const { cert, ca_key: caKey } = config;
  if (!existsSync(cert)) {
    return caKey === undefined
      ? bad(`certificate: there is no ${cert}; the first start writes a request for it`)
      : good(`certificate: the first start makes ${cert}`);
  }
  try {
    const until = new InnerTls(config).validUntilMs;
    return until > nowMs
      ? good(`certificate: ${cert} is good until ${new Date(until).toISOString()}`)
      : bad(`certificate: ${cert} has expired`);
  } catch (thrown) {
    return bad(reasonOf(thrown));
  }
}

async function checkService({ name, host, port, allow }: ServiceConfig): Promise<Finding> {
  const socket = await dial({ host, port }, new AbortController().signal);
  const where = `service ${name}: ${host} port ${port}`;
  if (!socket.ok) return bad(`${where} cannot be reached: ${socket.error}`);
  socket.value.destroy();
  return allow.length === 0 ? bad(`${where}: allow is empty, so nobody may open it`) : good(`${where} can be reached`);
}
