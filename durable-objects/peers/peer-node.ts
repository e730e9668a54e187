/**
 * A node that another deployment hosts, as the objects here see it: the questions of `TrustedNodeRpc`, `OtherHalf`,
 * `ImportsElsewhere` and `StreamsElsewhere` over HTTPS, signed both ways. Nobody above knows that it is no object of ours.
 *
 * Each question is asked once: "no answer" means that nobody knows whether it was done, and who asks knows best what is
 * safe to ask again.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { decodeUtf8, parseJson } from "../../shared/bytes/json.ts";
import { readBounded } from "../../shared/bytes/read-bounded.ts";
import { parseShape } from "../../shared/errors/members.ts";
import { toBase64 } from "../../shared/bytes/base64.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { OtherHalf } from "../../shared/keypool/half.ts";
import type { ImportsElsewhere } from "../../shared/keypool/sealed-import.ts";
import type { StreamsElsewhere } from "../../shared/keypool/stream-question.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { RemoteNode } from "../../shared/network/relay-view.ts";
import { fingerprintOf } from "../../shared/peers/identity.ts";
import {
  type Answer,
  AnswerSchema,
  bodyDigest,
  flawOfAnswer,
  PEER_HEADER,
  QUESTION_NONCE_BYTES,
  type QuestionHead,
  signQuestion,
} from "../../shared/peers/letter.ts";
import { QUESTIONS, type QuestionName, type Questions, readAnswer } from "../../shared/peers/questions.ts";
import { questionUrl } from "../../shared/peers/url.ts";
import type { TrustedNodeRpc } from "../../shared/relay/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { verifyEd25519 } from "../signing/ed25519.ts";
import { checkedSessions, type IdentityEnv, identitiesOf, NO_IDENTITY } from "./identities.ts";

/** What of the network this needs: asked anew for each question, so that new keys count at once. */
export interface PeerView {
  /** Undefined: hosted here, or nowhere. */
  remoteOf(node: NodeId): RemoteNode | undefined;
}

export type PeerNode = Pick<TrustedNodeRpc, "step" | "voidRelay" | "voidRelays" | "compare" | "advertise"> &
  OtherHalf &
  ImportsElsewhere &
  StreamsElsewhere;

export interface PeerReach {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly timeoutMs: number;
}
/** So many times as long as another question: for key in its turn, for key brought in, until all know of its chunks, to answer. */
const STREAM_TIMES = 4;
const REACH: PeerReach = { fetch: async (url, init) => await fetch(url, init), timeoutMs: LIMITS.peerAnswerMs };

/**
 * @param node hosted elsewhere. Its methods fail with `no-route` where it is not, or this deployment has no identity;
 *   `unavailable` where it was not reached, or what came back is not its answer
 */
export function peerNode(env: IdentityEnv, view: PeerView, node: NodeId, reach: PeerReach = REACH): PeerNode {
  const peer: Peer = { env, view, node, reach };
  return {
    step: async (step) => await ask(peer, "step", step),
    voidRelay: async (call) => await ask(peer, "void", call),
    voidRelays: async (call) => await ask(peer, "void-all", call),
    compare: async (call) => await ask(peer, "compare", call),
    advertise: async (call) => await ask(peer, "advertise", call),
    post: async (batch) => await ask(peer, "half", batch),
    importKeys: async (call) => await ask(peer, "import", call),
    voidImport: async (call) => await ask(peer, "void-import", call),
    // Chunks may be waited for over there.
    stream: async (call) =>
      await ask({ ...peer, reach: { ...reach, timeoutMs: STREAM_TIMES * reach.timeoutMs } }, "stream", call),
    streamNews: async (call) => await ask(peer, "stream-news", call),
  };
}

interface Peer {
  readonly env: IdentityEnv;
  readonly view: PeerView;
  readonly node: NodeId;
  readonly reach: PeerReach;
}

interface Envelope {
  readonly url: string;
  readonly head: QuestionHead;
  readonly body: Uint8Array;
}

async function ask<Q extends QuestionName>(
  { env, view, node, reach }: Peer,
  question: Q,
  call: Questions[Q]["call"],
): Promise<Result<Questions[Q]["answer"], Fault>> {
  const remote = view.remoteOf(node);
  if (remote === undefined) return fail("no-route", `${node} is no node of another deployment`);
  const from = QUESTIONS[question].asker(call);
  if (from === undefined || view.remoteOf(from) !== undefined) {
    return fail("forbidden", "this deployment asks for nodes of its own only");
  }
  const envelope = await write({ env, node, remote, from }, question, call);
  if (!envelope.ok) return envelope;
  const answer = await exchange(envelope.value, reach);
  if (!answer.ok) return answer;
  const checks = { sessions: checkedSessions, verifyEd25519, nowMs: Date.now() };
  const flaw = await flawOfAnswer(answer.value, envelope.value.head, remote, checks);
  if (flaw !== null) return fail("unavailable", `what came back is not the answer of ${node}: ${flaw}`);
  return readAnswer(question, answer.value.body);
}

async function write<Q extends QuestionName>(
  { env, node, remote, from }: Pick<Peer, "env" | "node"> & { readonly remote: RemoteNode; readonly from: NodeId },
  question: Q,
  call: Questions[Q]["call"],
): Promise<Result<Envelope, Fault>> {
  const identities = identitiesOf(env);
  if (identities === null) return fail("no-route", NO_IDENTITY);
  const url = questionUrl(remote.url, node, question);
  if (url === null) return fail("no-route", `the url of ${node} is neither https nor http on this machine`);
  const body = new TextEncoder().encode(QUESTIONS[question].callText(call));
  if (body.length > LIMITS.peerQuestionBytes) {
    return fail("body-too-large", `a question has at most ${LIMITS.peerQuestionBytes} bytes`);
  }
  const head = await signQuestion(await identities.signerOf(from), {
    from,
    to: node,
    recipient: fingerprintOf(remote),
    question,
    atMs: Date.now(),
    nonce: toBase64(crypto.getRandomValues(new Uint8Array(QUESTION_NONCE_BYTES))),
    body: bodyDigest(body),
  });
  return ok({ url, head, body });
}

async function exchange({ url, head, body }: Envelope, reach: PeerReach): Promise<Result<Answer, Fault>> {
  const { to } = head.claims;
  const headers = { "Content-Type": "application/json", [PEER_HEADER]: JSON.stringify(head) };
  try {
    const signal = AbortSignal.timeout(reach.timeoutMs);
    const response = await reach.fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      // Not signed, as the other deployment does not know us, or is not there: a number is all that is believed of it.
      return fail("unavailable", `${to} did not take the question: HTTP ${response.status}`);
    }
    const bytes = await readBounded(response.body, LIMITS.peerAnswerBytes);
    if (bytes === "too-large" || bytes === "broken") {
      await response.body.cancel();
      return fail("unavailable", `the answer of ${to} is ${bytes}`);
    }
    return readLetter(bytes, to);
  } catch {
    return fail("unavailable", `${to} cannot be reached`);
  }
}

function readLetter(bytes: Uint8Array, from: string): Result<Answer, Fault> {
  const text = decodeUtf8(bytes);
  const parsed = text.ok ? parseJson(text.value, LIMITS.jsonDepth) : text;
  const answer = parsed.ok ? parseShape(AnswerSchema, parsed.value, "the answer") : parsed;
  return answer.ok ? answer : fail("unavailable", `what came back is no answer of ${from}`);
}
