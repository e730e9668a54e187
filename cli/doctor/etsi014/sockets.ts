/** Requests by hand, for what no HTTP client does: without TLS, and in somebody else's TLS session. All go to KME 1. */
import { connect as connectPlain, type Socket } from "node:net";
import { connect } from "node:tls";
import { LIMITS } from "../../../shared/limits.ts";
import type { Identity } from "../exchange.ts";
import type { Etsi014Stage } from "./stage.ts";

/** What the server says to a request line over plain TCP until it, or the time it is given, ends. */
export async function overPlainTcp(stage: Etsi014Stage, line: string): Promise<string> {
  const { hostname, port } = new URL(stage.A.kme);
  const socket = connectPlain({ host: hostname, port: Number(port || 443) });
  const sent = `${line}\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`;
  const text = await said(stage, socket, sent);
  stage.record.transcript.add("plain TCP", sent, text);
  return text;
}

/** The same over TLS, in the session if there is one. */
export async function overTls(
  stage: Etsi014Stage,
  who: string,
  identity: Identity,
  path: string,
  session?: Buffer,
  heard: (session: Buffer) => void = () => undefined,
): Promise<string> {
  const { hostname, port } = new URL(stage.A.kme);
  const socket = connect({
    host: hostname,
    port: Number(port || 443),
    ca: stage.given.ca,
    ...identity,
    ...(session === undefined ? {} : { session }),
  });
  socket.on("session", heard);
  const sent = `GET /api/v1/keys${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`;
  const text = await said(stage, socket, sent);
  const own = socket.getSession();
  if (own !== undefined) heard(own);
  stage.record.transcript.add(who, sent, text);
  return text;
}

/** TLS sessions that the KME gives to who shows this certificate. */
export async function sessionsOf(stage: Etsi014Stage, identity: Identity, path: string): Promise<readonly Buffer[]> {
  const sessions: Buffer[] = [];
  await overTls(stage, "A", identity, path, undefined, (session) => sessions.push(session));
  return sessions;
}

async function said(stage: Etsi014Stage, socket: Socket, sent: string): Promise<string> {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
    if (text.length > LIMITS.doctorAnswerBytes) socket.destroy();
  });
  socket.on("error", () => undefined);
  const timer = setTimeout(() => socket.destroy(), LIMITS.doctorCloseMs);
  const end = (): void => void socket.destroy();
  stage.record.signal.addEventListener("abort", end, { once: true });
  socket.write(sent);
  await new Promise((resolve) => socket.once("close", resolve));
  clearTimeout(timer);
  stage.record.signal.removeEventListener("abort", end);
  return text;
}
