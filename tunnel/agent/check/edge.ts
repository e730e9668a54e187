/** Whether the edge can be reached, step by step: who reads of a failed step knows which one it was. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import tls from "node:tls";
import { CONTRACT } from "../../../shared/api/contract.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { Edge, EdgeAnswer } from "../link/edge.ts";
import { reasonOf } from "../reason.ts";
import { dial } from "../services/dial.ts";
import { bad, type Finding, good } from "./finding.ts";

/** Stops at the first step that fails. */
export async function checkEdge(edge: Edge, now: () => number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const steps = [checkName, checkTcp, ...(edge.url.protocol === "https:" ? [checkTls] : [])];
  for (const step of steps) {
    const finding = await step(edge);
    if (finding !== null) findings.push(finding);
    if (finding?.ok === false) return findings;
  }
  return [...findings, ...(await checkHttp(edge, now))];
}

/** `[::1]` of a URL, as a socket wants it. */
const hostOf = ({ url }: Edge): string => url.hostname.replace(/^\[(.*)\]$/, "$1");
const portOf = ({ url }: Edge): number => (url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port));

async function checkName(edge: Edge): Promise<Finding | null> {
  const host = hostOf(edge);
  if (isIP(host) !== 0) return null;
  try {
    const addresses = await lookup(host, { all: true });
    return good(`DNS: ${host} is ${addresses.map(({ address }) => address).join(", ")}`);
  } catch (thrown) {
    return bad(`DNS: ${reasonOf(thrown)}`);
  }
}

async function checkTcp(edge: Edge): Promise<Finding> {
  const address = { host: hostOf(edge), port: portOf(edge) };
  const socket = await dial(address, new AbortController().signal);
  const where = `${edge.url.hostname} port ${address.port}`;
  if (!socket.ok) return bad(`TCP: ${where} cannot be reached: ${socket.error}`);
  socket.value.destroy();
  return good(`TCP: ${where} can be reached`);
}

function checkTls(edge: Edge): Promise<Finding> {
  const host = hostOf(edge);
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const socket = tls.connect({
    host,
    port: portOf(edge),
    minVersion: "TLSv1.2",
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(edge.ca === undefined ? {} : { ca: edge.ca }),
  });
  socket.setTimeout(LIMITS.agentRequestMs, () => socket.destroy(new Error("no handshake in time")));
  socket.once("error", (error) => resolve(bad(`TLS: ${reasonOf(error)}`)));
  socket.once("secureConnect", () => {
    resolve(
      good(`TLS: ${socket.getProtocol()}, the certificate is trusted until ${socket.getPeerCertificate().valid_to}`),
    );
    socket.destroy();
  });
  return promise;
}

async function checkHttp(edge: Edge, now: () => number): Promise<readonly Finding[]> {
  const { path } = CONTRACT.getHealthz;
  try {
    const answer = await edge.request({ method: "GET", path }, AbortSignal.timeout(LIMITS.agentRequestMs));
    const text = `HTTP: ${path} answers ${answer.status}`;
    return [answer.status === 200 ? good(text) : bad(`${text}: is that the edge?`), checkClock(answer, now())];
  } catch (thrown) {
    return [bad(`HTTP: ${reasonOf(thrown)}`)];
  }
}

function checkClock({ headers }: EdgeAnswer, nowMs: number): Finding {
  const edgeMs = Date.parse(headers.date ?? "");
  if (Number.isNaN(edgeMs)) return good("clock: the edge does not tell its time (no Date header): not compared");
  const skewS = Math.round((nowMs - edgeMs) / 1000);
  const isFar = Math.abs(skewS) * 1000 > LIMITS.agentClockSkewMs;
  const text = `clock: ${Math.abs(skewS)} s ${skewS < 0 ? "behind" : "ahead of"} the edge's`;
  return isFar ? bad(`${text}: set it, certificates and tokens depend on it`) : good(text);
}
