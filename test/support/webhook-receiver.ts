/** Somebody who receives webhooks over HTTP, and checks them as Standard Webhooks 1.0.0 says: `v1a`, Ed25519. */
import { createPublicKey, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";

export interface Received {
  readonly id: string;
  readonly timestampS: number;
  readonly signature: string;
  readonly text: string;
  readonly body: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: { readonly deployment: string; readonly alarm: MonitorAlarm };
  };
}

export interface WebhookReceiver {
  readonly url: string;
  /** All that came, in order. */
  readonly received: readonly Received[];
  /** Requests to any other path. */
  readonly strays: readonly string[];
  /** From now on; 200 at first. Of 302, it leads to another path here. */
  answer: number;
  close(): void;
}

const header = ({ headers }: IncomingMessage, name: string): string => String(headers[name] ?? "");

export async function webhookReceiver(): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const strays: string[] = [];
  let answer = 200;
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      if (request.url !== "/hook") {
        strays.push(request.url ?? "");
        response.writeHead(200).end();
        return;
      }
      received.push({
        id: header(request, "webhook-id"),
        timestampS: Number(header(request, "webhook-timestamp")),
        signature: header(request, "webhook-signature"),
        text: body,
        body: JSON.parse(body) as Received["body"],
      });
      response.writeHead(answer, answer === 302 ? { Location: "/elsewhere" } : {}).end();
    })();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    strays,
    get answer() {
      return answer;
    },
    set answer(status) {
      answer = status;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** RFC 8410: what comes before the 32 bytes of a public key in SubjectPublicKeyInfo. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** @param publicKey `whpk_` and base64 */
export function isGenuine({ id, timestampS, signature, text: body }: Received, publicKey: string): boolean {
  const raw = Buffer.from(publicKey.replace(/^whpk_/u, ""), "base64");
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: "der", type: "spki" });
  return signature
    .split(" ")
    .filter((each) => each.startsWith("v1a,"))
    .some((each) =>
      verify(null, Buffer.from(`${id}.${timestampS}.${body}`), key, Buffer.from(each.slice(4), "base64")),
    );
}
