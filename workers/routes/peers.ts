/**
 * Questions of nodes that other deployments host. Who asks is proved by the question itself, so that this is no matter of
 * the callers of the rest of the API: nobody is known here but the remote nodes of the network document.
 *
 * What is not heard is answered without a signature and without a word of why (the log has it, counted): the other
 * deployment believes nothing of such an answer but that there is none.
 */
import { isRelayShard } from "../../shared/keypool/relay-shard.ts";
import { fromHex } from "../../shared/bytes/hex.ts";
import { parseJson, decodeUtf8 } from "../../shared/bytes/json.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { fail, fault, type Fault } from "../../shared/errors/errors.ts";
import { parseShape } from "../../shared/errors/members.ts";
import type { HalfAnswer, HalfBatch } from "../../shared/keypool/half.ts";
import type { VoidImport } from "../../shared/keypool/sealed-import.ts";
import { type PairName, poolName } from "../../shared/ids.ts";
import { streamName } from "../../shared/etsi004/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { isHosted, type Lookup, nodeId, revocationKey } from "../../shared/network/lookup.ts";
import { remoteOf, type RemoteNode } from "../../shared/network/relay-view.ts";
import { fingerprintOf } from "../../shared/peers/identity.ts";
import {
  bodyDigest,
  flawOfQuestion,
  PEER_HEADER,
  type QuestionHead,
  QuestionHeadSchema,
  signAnswer,
} from "../../shared/peers/letter.ts";
import {
  answerText,
  isQuestion,
  type QuestionName,
  type Questions,
  readQuestion,
} from "../../shared/peers/questions.ts";
import { checkedSessions, type Identities, identitiesOf, NO_IDENTITY } from "../../durable-objects/peers/identities.ts";
import { verifyEd25519 } from "../../durable-objects/signing/ed25519.ts";
import { directoryCache, snapshotSourceOf } from "../clients/directory.ts";
import { answerOf } from "../clients/key-pool.ts";
import type { Env } from "../env.ts";
import { readBytes } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import { logUnauthorised } from "../telemetry/visit.ts";
import type { AuthenticatedCall, Call, Reply } from "./handler.ts";

export async function getNodeIdentity({ env, path, caller }: AuthenticatedCall): Reply {
  const { node = "" } = path;
  if (!isHosted(caller.lookup, node)) return fail("not-found", "this deployment hosts no such node");
  const identities = identitiesOf(env);
  if (identities === null) return fail("conflict", NO_IDENTITY);
  const { ed25519, mlDsa65 } = await identities.keysOf(node);
  return ok(respondJson({ node, ed25519, ml_dsa_65: mlDsa65 }));
}

export async function postPeerQuestion(call: Call): Reply {
  const { request, env, path, maxBodyBytes } = call;
  const { node = "", question = "" } = path;
  if (!isQuestion(question)) return fail("not-found", "no such question");
  if (request.headers.get("Content-Type")?.split(";", 1)[0]?.trim().toLowerCase() !== "application/json") {
    return fail("unsupported-media-type", "header Content-Type: shall be application/json");
  }
  const head = headOf(request.headers.get(PEER_HEADER));
  if (!head.ok) return head;
  const identities = identitiesOf(env);
  if (identities === null) return fail("unavailable", NO_IDENTITY);
  const heard = await hear(call, head.value, identities);
  if (!heard.ok) {
    if (heard.error.code === "unauthorised") logUnauthorised(heard.error.message);
    return heard;
  }
  const body = await readBytes(request, maxBodyBytes);
  if (!body.ok) return body;
  if (bodyDigest(body.value) !== head.value.claims.body) {
    logUnauthorised("peer: its body is not the one that was signed");
    return fail("unauthorised", "the body is not the one that was signed");
  }
  const text = await answerTo(question, {
    env,
    lookup: heard.value,
    head: head.value,
    body: body.value,
  });
  return ok(respondJson(await signAnswer(await identities.signerOf(node), head.value, text)));
}

function headOf(text: string | null): Result<QuestionHead, Fault> {
  if (text === null) return fail("bad-request", `header ${PEER_HEADER}: is missing`);
  if (text.length > LIMITS.peerHeadChars) return fail("bad-request", `header ${PEER_HEADER}: is too long`);
  const parsed = parseJson(text, LIMITS.jsonDepth);
  return parsed.ok ? parseShape(QuestionHeadSchema, parsed.value, `header ${PEER_HEADER}`) : parsed;
}

/** @returns the network in which the sender was known; `unauthorised`, or `not-found` where the node is not hosted here */
async function hear(
  { env, context, path }: Call,
  head: QuestionHead,
  identities: Identities,
): Promise<Result<Lookup, Fault>> {
  const { node = "", question = "" } = path;
  const source = snapshotSourceOf(env);
  const view = await directoryCache.lookup(source, context);
  if (!view.ok) return view;
  let lookup = view.value;
  // The copy may be older than the word of the other operator that all is set up.
  if (!isHosted(lookup, node) || senderOf(lookup, head.claims.from) === null) {
    lookup = (await directoryCache.afterMiss(source, lookup)) ?? lookup;
  }
  if (!isHosted(lookup, node)) return fail("not-found", "this deployment hosts no such node");
  const sender = senderOf(lookup, head.claims.from);
  if (sender === null) return fail("unauthorised", "peer: no node of another deployment, or revoked");
  const recipient = fingerprintOf(await identities.keysOf(node));
  const flaw = await flawOfQuestion(
    head,
    { to: node, question, recipient, senderKeys: sender },
    { sessions: checkedSessions, verifyEd25519, nowMs: Date.now() },
  );
  return flaw === null ? ok(lookup) : fail("unauthorised", `peer: ${flaw}`);
}

/** Null: hosted here, nowhere, or revoked. */
function senderOf({ nodesById, revoked }: Lookup, id: string): RemoteNode | null {
  const node = nodesById.get(id);
  if (node === undefined || revoked.has(revocationKey("principal", `node:${id}`))) return null;
  return remoteOf(node);
}

interface Heard {
  readonly env: Env;
  readonly lookup: Lookup;
  readonly head: QuestionHead;
  readonly body: Uint8Array;
}

/** JSON of the outcome. */
async function answerTo(question: QuestionName, { env, lookup, head, body }: Heard): Promise<string> {
  const text = decodeUtf8(body);
  const parsed = text.ok ? parseJson(text.value, LIMITS.jsonDepth) : text;
  const call = parsed.ok ? readQuestion(question, parsed.value, head.claims) : parsed;
  if (!call.ok) return answerText(question, call);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table pairs each question with whom it is for
  const ask = ASK[question] as Asked<QuestionName>;
  return answerText(question, await answerOf(async () => await ask(env, lookup, call.value, head)));
}

type Asked<Q extends QuestionName> = (
  env: Env,
  lookup: Lookup,
  call: Questions[Q]["call"],
  head: QuestionHead,
) => Promise<Result<Questions[Q]["answer"], Fault>>;

const ASK: { readonly [Q in QuestionName]: Asked<Q> } = {
  step: async (env, _lookup, call, { claims }) => await env.TRUSTED_NODE.getByName(claims.to).step(call),
  void: async (env, _lookup, call, { claims }) => await env.TRUSTED_NODE.getByName(claims.to).voidRelay(call),
  "void-all": async (env, _lookup, call, { claims }) => await env.TRUSTED_NODE.getByName(claims.to).voidRelays(call),
  compare: async (env, _lookup, call, { claims }) => await env.TRUSTED_NODE.getByName(claims.to).compare(call),
  advertise: async (env, _lookup, call, { claims }) => await env.TRUSTED_NODE.getByName(claims.to).advertise(call),
  half: async (env, lookup, batch, { claims }) => await postHalf(env, lookup, batch, claims.atMs),
  import: async (env, lookup, call) => {
    const pool = importingPool(env, lookup, call);
    return pool.ok ? await pool.value.receiveImport({ configVersion: lookup.sequence, sealed: call }) : pool;
  },
  "void-import": async (env, lookup, call) => {
    const pool = importingPool(env, lookup, call);
    return pool.ok ? await pool.value.voidImport(fromHex(call.nonce) ?? NO_NONCE, call.from) : pool;
  },
  stream: async (env, lookup, question, { claims: { nonce } }) => {
    const pool = poolOfHalf(env, lookup, question);
    return pool.ok ? await pool.value.receiveStream({ configVersion: lookup.sequence, question, nonce }) : pool;
  },
  "stream-news": async (env, _lookup, { ksid, instance }, { claims }) =>
    await env.KEY_STREAM.getByName(streamName(ksid, nodeId(claims.to))).peerChanged({ ksid, instance }),
};

/** It finds nothing. */
const NO_NONCE = new Uint8Array();

/** Keys are looked for in shards that a link of this deployment may have, or that hold relayed key: in no others. */
function importingPool(env: Env, { maxShards }: Lookup, { pair, shard }: VoidImport) {
  const isKnown = shard < maxShards || isRelayShard(shard);
  return isKnown ? ok(env.KEY_POOL.getByName(poolName(pair, shard))) : fail("no-route", "there is no such pool");
}

async function postHalf(
  env: Env,
  lookup: Lookup,
  batch: HalfBatch,
  askedAtMs: number,
): Promise<Result<HalfAnswer, Fault>> {
  const pool = poolOfHalf(env, lookup, batch);
  return pool.ok ? await pool.value.receiveHalf({ configVersion: lookup.sequence, batch, askedAtMs }) : pool;
}

/** Only pools that there are are woken. */
function poolOfHalf(
  env: Env,
  { linkByPair, pairDrains }: Lookup,
  { pair, shard }: { readonly pair: PairName; readonly shard: number },
) {
  const shards = Math.max(linkByPair.get(pair)?.shards ?? 0, pairDrains.get(pair)?.config.shards ?? 0);
  if (shard >= shards && !isRelayShard(shard)) return err(fault("no-route", "there is no such pool"));
  return ok(env.KEY_POOL.getByName(poolName(pair, shard)));
}
