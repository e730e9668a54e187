/** Another deployment, as this one meets it inside workerd: it has keys of its own, asks, and can be asked. */
import { createExecutionContext, env, SELF, waitOnExecutionContext } from "cloudflare:test";
import { Identities } from "../../durable-objects/peers/identities.ts";
import { verifyEd25519 } from "../../durable-objects/signing/ed25519.ts";
import type { PublicKeys } from "../../shared/auth/double-signature.ts";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { fingerprintOf } from "../../shared/peers/identity.ts";
import {
  type Answer,
  bodyDigest,
  flawOfAnswer,
  PEER_HEADER,
  type QuestionClaims,
  type QuestionHead,
  signAnswer,
  signQuestion,
} from "../../shared/peers/letter.ts";
import { CheckedSessions } from "../../shared/peers/session.ts";
import worker from "../../workers/app.ts";
import type { Env } from "../../workers/env.ts";
import { call, EDGE } from "./in-workerd-network.ts";

export interface Asking {
  readonly to: string;
  readonly question: string;
  readonly body: string;
  /** What the head says instead. */
  readonly claims?: Partial<QuestionClaims>;
  readonly head?: (head: QuestionHead) => unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in place of what was signed. */
  readonly sent?: string;
  /** Bindings in place of the test's own. */
  readonly env?: Partial<Env>;
}

export class TestPeer {
  readonly node: string;
  readonly identities: Identities;

  constructor(node: string, seed: number) {
    this.node = node;
    this.identities = new Identities(new Uint8Array(32).fill(seed));
  }

  async keys(): Promise<PublicKeys> {
    return await this.identities.keysOf(this.node);
  }

  /** `nodes[]` of a network document. */
  async entry(url: string, saes: readonly string[] = []) {
    const { ed25519, mlDsa65 } = await this.keys();
    return { id: this.node, remote: { url, ed25519, ml_dsa_65: mlDsa65, saes: [...saes] } };
  }

  async ask(asking: Asking): Promise<{ readonly response: Response; readonly head: QuestionHead }> {
    const { to, question, body, claims = {}, headers = {}, sent = body } = asking;
    const head = await signQuestion(await this.identities.signerOf(this.node), {
      from: this.node,
      to,
      recipient: fingerprintOf(await keysHere(to)),
      question,
      atMs: Date.now(),
      nonce: toBase64(crypto.getRandomValues(new Uint8Array(16))),
      body: bodyDigest(new TextEncoder().encode(body)),
      ...claims,
    });
    const shown = asking.head?.(head) ?? head;
    const request = new Request(`${EDGE}/api/v1/peers/${to}/${question}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", [PEER_HEADER]: JSON.stringify(shown), ...headers },
      body: sent,
    });
    if (asking.env === undefined) return { response: await SELF.fetch(request), head };
    const context = createExecutionContext();
    const bindings = { ...(env as unknown as Env), ...asking.env } as Env;
    // oxlint-disable-next-line typescript/no-explicit-any -- the runtime's own request type
    const response = await worker.fetch(request as any, bindings, context);
    await waitOnExecutionContext(context);
    return { response, head };
  }

  /** The body of a signed answer; throws where it is not the node's. */
  async answer(asking: Asking): Promise<unknown> {
    const { response, head } = await this.ask(asking);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    const letter = await response.json<Answer>();
    const checks = { sessions: new CheckedSessions(verifyEd25519), verifyEd25519, nowMs: Date.now() };
    const flaw = await flawOfAnswer(letter, head, await keysHere(asking.to), checks);
    if (flaw !== null) throw new Error(flaw);
    return JSON.parse(letter.body) as unknown;
  }

  /** Answers what this deployment asks. */
  async reply(head: QuestionHead, body: string): Promise<Answer> {
    return await signAnswer(await this.identities.signerOf(this.node), head, body);
  }
}

const known = new Map<string, PublicKeys>();
/** As the operator of this deployment would tell them. */
export async function keysHere(node: string): Promise<PublicKeys> {
  let keys = known.get(node);
  if (keys === undefined) {
    const response = await call(`/api/v1/nodes/${node}/identity`, { as: "op" });
    if (response.status !== 200)
      return { ed25519: toBase64(new Uint8Array(32)), mlDsa65: toBase64(new Uint8Array(1952)) };
    const { ed25519, ml_dsa_65: mlDsa65 } = await response.json<{ ed25519: string; ml_dsa_65: string }>();
    keys = { ed25519, mlDsa65 };
    known.set(node, keys);
  }
  return keys;
}
