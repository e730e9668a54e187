/**
 * A peer with good keys and bad manners, in a process of its own: opens one stream properly and then sends without
 * regard to credit, as fast as its socket takes it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { LIMITS } from "../../../shared/limits.ts";
import { decodeFrame } from "../../../shared/mux/decode.ts";
import { encodeFrame } from "../../../shared/mux/encode.ts";
import { framesOf } from "../../../shared/mux/frame.ts";
import { type Claims, FromHubSchema } from "../../../shared/tunnel/messages.ts";
import { Enrolment } from "../../../tunnel/agent/identity/enrolment.ts";
import { type Identity, openIdentity } from "../../../tunnel/agent/identity/identity.ts";
import { byHello } from "../../../tunnel/agent/link/by-hello.ts";
import { Edge } from "../../../tunnel/agent/link/edge.ts";
import * as v from "valibot";
import { encodeHead, ENDLESS } from "../bulk-wire.ts";
import type { FromHostile, HostileConfig, ToHostile } from "./messages.ts";

const STREAM = 1;
const CLOSING_MS = 1000;
const AHEAD_BYTES = 1024 * 1024;

let socket: WebSocket | null = null;
let closedBy: string | null = null;

async function connect(config: HostileConfig): Promise<FromHostile> {
  const edge = new Edge({ edge: config.edge, ca: undefined });
  const identity = await openIdentity(config.state);
  const { site, tokenFile, state } = config;
  const enrolled = await new Enrolment({ edge, site, identity, state, tokenFile, log: () => undefined }).ensure();
  if (!enrolled.ok) throw new Error(enrolled.error.reason);
  closedBy = null;
  socket = await openStream(config, await dial(config, edge, identity));
  edge.close();
  return { type: "open" };
}

/** As every peer does it. */
async function dial({ target, agent, site }: HostileConfig, edge: Edge, identity: Identity): Promise<WebSocket> {
  const { instance } = identity;
  const claims: Claims = { version: 1, agent, site, instance, role: "peer", standby: false };
  const by = byHello({ edge, site: target.site, identity, claims, services: [], certificates: [] });
  const hello = await by.hello?.(AbortSignal.timeout(LIMITS.agentHandshakeMs));
  if (hello?.ok !== true) throw new Error(hello?.error.reason);
  return by.dial(LIMITS.agentHandshakeMs, hello.value);
}

function openStream({ target }: HostileConfig, opened: WebSocket): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    opened.on("error", reject);
    opened.on("close", (code, reason) => {
      closedBy = `${code} ${reason.toString("utf8")}`.trim();
      reject(new Error(`closed before the stream was open: ${closedBy}`));
    });
    opened.on("message", (data: Buffer, isBinary) => {
      if (isBinary) {
        for (const bytes of framesOf(data)) {
          const frame = decodeFrame(bytes);
          if (frame.ok && frame.value.type === "accept") resolve(opened);
          if (frame.ok && frame.value.type === "refuse") reject(new Error(`refused: ${frame.value.code}`));
        }
        return;
      }
      const text = data.toString("utf8");
      const message = v.parse(FromHubSchema, JSON.parse(text));
      if (message.type === "refused") reject(new Error(message.message));
      else if (message.type === "welcome") {
        const creditBytes = LIMITS.tunnelFirstWindowBytes;
        opened.send(encodeFrame({ type: "open", slot: 0, stream: STREAM, creditBytes, service: target.service }));
      }
    });
  });
}

const dataFrame = (payload: Uint8Array): Uint8Array =>
  encodeFrame({ type: "data", slot: 0, stream: STREAM, fin: false, payload });

async function flood(forMs: number): Promise<FromHostile> {
  const open = socket;
  if (open === null) throw new Error("not connected");
  // The device reads nothing of it, so that the agent has to keep what it takes.
  open.send(dataFrame(encodeHead({ direction: "frozen", verified: false, bytes: ENDLESS })));
  const frame = dataFrame(new Uint8Array(LIMITS.tunnelFrameBytes));
  const endMs = performance.now() + forMs;
  let sentBytes = 0;
  while (open.readyState === WebSocket.OPEN && performance.now() < endMs) {
    if (open.bufferedAmount >= AHEAD_BYTES) {
      await sleep(1);
      continue;
    }
    open.send(frame);
    sentBytes += frame.length;
  }
  // A close that has begun is waited for: its code says why.
  for (let waitedMs = 0; open.readyState === WebSocket.CLOSING && waitedMs < CLOSING_MS; waitedMs++) await sleep(1);
  const ending = open.readyState === WebSocket.OPEN ? null : (closedBy ?? "without a word");
  open.terminate();
  socket = null;
  return { type: "flooded", sentBytes: sentBytes - open.bufferedAmount, closedBy: ending };
}

process.on("message", (message: ToHostile) => {
  const answer = message.type === "connect" ? connect(message.config) : flood(message.forMs);
  answer
    .catch((error: unknown): FromHostile => ({ type: "failed", problem: String(error) }))
    .then((reply) => process.send?.(reply))
    .catch(() => process.exit(1));
});
process.on("disconnect", () => process.exit(0));
