/**
 * The Worker and its objects as they are deployed; and at paths of its own one operation of a KEM a request, computed as
 * key streams at the edge have it computed.
 */
import { edgeKem } from "../../../durable-objects/kem/edge-kem.ts";
import type { Encapsulation, KeyPair } from "../../../shared/kem/kem.ts";
import type { Env } from "../../../workers/env.ts";
import app from "../../../workers/index.ts";
import { kemOfPath } from "../kem-path.ts";

export * from "../../../workers/index.ts";

interface Exchange {
  pair?: KeyPair;
  made?: Encapsulation;
}
/** By KEM: what was computed last. */
const exchanges = new Map<string, Exchange>();

const answer = (isDone: boolean): Response => new Response(null, { status: isDone ? 204 : 500 });

async function compute({ name, operation }: NonNullable<ReturnType<typeof kemOfPath>>): Promise<Response> {
  const kem = edgeKem(name);
  if (kem === null) return new Response(null, { status: 404 });
  const exchange = exchanges.get(name) ?? {};
  exchanges.set(name, exchange);
  if (operation === "generate") {
    exchange.pair = await kem.generateKeyPair();
    return answer(true);
  }
  const { pair, made } = exchange;
  if (operation === "encapsulate") {
    const done = pair === undefined ? null : await kem.encapsulate(pair.publicKey);
    if (done?.ok === true) exchange.made = done.value;
    return answer(done?.ok === true);
  }
  const found =
    pair === undefined || made === undefined ? null : await kem.decapsulate(made.ciphertext, pair.secretKey);
  return answer(found?.ok === true && found.value.every((byte, at) => byte === made?.sharedSecret[at]));
}

export default {
  async fetch(request, env, context) {
    const asked = kemOfPath(new URL(request.url).pathname);
    return asked === null ? await app.fetch(request, env, context) : await compute(asked);
  },
} satisfies ExportedHandler<Env>;
