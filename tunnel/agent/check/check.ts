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
import { checkIpsec } from "./ipsec.ts";
import { checkKms, checkLocal } from "./local.ts";

/** In the order in which they are to be mended. */
export async function checkAgent(settings: AgentSettings, now: () => number = Date.now): Promise<readonly Finding[]> {
  const { certificate, service: services, listen: listens, feed: feeds, etsi004, hybrid, ipsec } = settings;
  const { open_qkd_network: kms } = settings;
  const counted = [
    [services.length, "services"],
    [listens.length, "listeners"],
    [feeds.length, "feeds"],
    ...(etsi004.length === 0 ? [] : [[etsi004.length, "local services"] as const]),
    ...(kms.length === 0 ? [] : [[kms.length, "KMS APIs"] as const]),
    ...(ipsec.length === 0 ? [] : [[ipsec.length, "IPsec hosts"] as const]),
  ] as const;
  return [
    good(`configuration: ${counted.map((each) => each.join(" ")).join(", ")}`),
    ...(await checkReach(settings, now)),
    ...(certificate === undefined ? [] : [checkCertificate(certificate, now())]),
    ...(await Promise.all(services.map(checkService))),
    ...(await Promise.all(etsi004.map(checkLocal))),
    ...(await Promise.all(kms.map(checkKms))).flat(),
    ...(hybrid === undefined ? [] : await checkHybrid(hybrid)),
    ...(await Promise.all(ipsec.map(checkIpsec))).flat(),
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
