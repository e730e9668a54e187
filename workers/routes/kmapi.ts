/**
 * ETSI GS QKD 020, for key management systems of others at our nodes: keys handed over for SAEs here, and taken back.
 *
 * The pools are asked first, and the acknowledgements that a callback shall have are durable before the answer: a peer
 * that hears nothing may ask again, as all of it is idempotent.
 */
import { concatBytes } from "@noble/hashes/utils.js";
import { fail, type Fault, HTTP_STATUS } from "../../shared/errors/errors.ts";
import { type Ack, gatherAcks, writeAcks } from "../../shared/etsi020/ack.ts";
import { checkCallback } from "../../shared/etsi020/callback.ts";
import { readAcks } from "../../shared/etsi020/hand-over.ts";
import type { ForeignKeysRpc, ForeignVoidCall, VoidOutcome } from "../../shared/etsi020/types.ts";
import { VERSIONS } from "../../shared/etsi020/versions.ts";
import { type ExtKeys, readExtKeys, readVoid, type VoidKeys } from "../../shared/etsi020/wire.ts";
import type { KeyId, NodeId, SaeId } from "../../shared/ids.ts";
import type { KmsPeerEntry } from "../../shared/network/document.ts";
import { type Lookup, nodeId } from "../../shared/network/lookup.ts";
import { routeBetween } from "../../shared/network/pairs.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { directoryCache, directoryOf } from "../clients/directory.ts";
import { foreignPoolOf } from "../clients/foreign-keys.ts";
import { answerOf } from "../clients/key-pool.ts";
import { readJson } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";

export async function getKmapiVersions(): Reply {
  return ok(respondJson(VERSIONS));
}

export async function postExtKeys(call: AuthenticatedCall): Reply {
  const body = await readJson(call.request, call.maxBodyBytes);
  const request = body.ok ? readExtKeys(body.value) : body;
  if (!request.ok) return request;
  try {
    const handOver = await prepare(call, request.value);
    if (!handOver.ok) return handOver;
    const acks = await takeIn(handOver.value, request.value);
    return acks.ok ? await answer(handOver.value, acks.value) : acks;
  } finally {
    for (const { bytes } of request.value.keys) bytes.fill(0);
  }
}

export async function postExtKeysVoid(call: AuthenticatedCall): Reply {
  const body = await readJson(call.request, call.maxBodyBytes);
  const request = body.ok ? readVoid(body.value, call.query.get("all_confirmation") === "true") : body;
  if (!request.ok) return request;
  const handOver = await prepare(call, request.value);
  if (!handOver.ok) return handOver;
  const acks = await takeBack(handOver.value, request.value);
  return acks.ok ? await answer(handOver.value, acks.value) : acks;
}

/** What became of keys of ours that the caller was handed. Those that nobody waits for any more are passed over. */
export async function postExtKeysAck(call: AuthenticatedCall): Reply {
  const peer = peerOf(call);
  if (!peer.ok) return peer;
  const body = await readJson(call.request, call.maxBodyBytes);
  const acks = body.ok ? readAcks(body.value) : body;
  if (!acks.ok) return acks;
  const told = await answerOf(async () => {
    await call.env.KMS_PEER.getByName(peer.value.entry.id).acknowledged(acks.value);
    return ok(null);
  });
  return told.ok ? ok(respondJson({})) : told;
}

interface Peer {
  readonly entry: KmsPeerEntry;
  readonly lookup: Lookup;
}

interface HandOver extends Peer {
  readonly call: AuthenticatedCall;
  /** Null: the answer is all there is. */
  readonly callbackUrl: string | null;
  readonly byNode: ReadonlyMap<NodeId, readonly SaeId[]>;
}

/** @returns `bad-request` for a callback that is none of the peer's, `no-route` for an SAE that is not where it should be */
async function prepare(
  call: AuthenticatedCall,
  { initiator, targets, callbackUrl }: Omit<VoidKeys, "keyIds">,
): Promise<Result<HandOver, Fault>> {
  const peer = peerOf(call);
  if (!peer.ok) return peer;
  let { entry, lookup } = peer.value;
  const callback = callbackUrl === null ? ok(null) : checkCallback(callbackUrl, entry.callback_hosts);
  if (!callback.ok) return callback;
  if (!isWhole(lookup, entry, initiator, targets)) {
    // One may have been added a moment ago.
    lookup = (await directoryCache.afterMiss(directoryOf(call.env), lookup)) ?? lookup;
    entry = lookup.kmsPeersById.get(entry.id) ?? entry;
  }
  if (!entry.saes.includes(initiator)) return fail("no-route", "initiator_sae_id: no SAE of yours");
  const byNode = new Map<NodeId, SaeId[]>();
  for (const [index, target] of targets.entries()) {
    const node = lookup.saesById.get(target)?.node;
    const route = node === undefined ? null : routeBetween(lookup, nodeId(entry.node), nodeId(node));
    if (route?.ok !== true) {
      const message = node === undefined ? "no such SAE here" : "no keys reach it from where you are";
      return fail("no-route", `target_sae_ids: ${message}`, [{ pointer: `/target_sae_ids/${index}`, message }]);
    }
    const { slaveNode } = route.value;
    byNode.set(slaveNode, [...(byNode.get(slaveNode) ?? []), target]);
  }
  return ok({ call, entry, lookup, callbackUrl: callback.value, byNode });
}

function peerOf({ caller: { grant, lookup } }: AuthenticatedCall): Result<Peer, Fault> {
  const { principal } = grant;
  const entry = principal.role === "kms" ? lookup.kmsPeersById.get(principal.id) : undefined;
  return entry === undefined ? fail("forbidden", "this is for key management systems") : ok({ entry, lookup });
}

const isWhole = (lookup: Lookup, { saes }: KmsPeerEntry, initiator: SaeId, targets: readonly SaeId[]): boolean =>
  saes.includes(initiator) && targets.every((target) => lookup.saesById.has(target));

/** What passes by itself: the peer does well to try again. */
const isPassing = ({ code }: Fault): boolean => HTTP_STATUS[code] === 503 || HTTP_STATUS[code] === 429;

/** Node by node: what one cannot take does not keep the others' from being taken. */
async function takeIn({ call, entry, lookup, byNode }: HandOver, request: ExtKeys): Promise<Result<Ack[], Fault>> {
  const { initiator, keys } = request;
  const keyIds = keys.map(({ keyId }) => keyId);
  const sizesBytes = keys.map(({ bytes }) => bytes.length);
  const bytes = concatBytes(...keys.map((key) => key.bytes));
  const peerNode = nodeId(entry.node);
  const recipients = [...byNode].flatMap(([node, targets]) => targets.map((sae) => ({ sae, node })));
  const outcomes = await Promise.all(
    [...byNode].map(async ([targetNode, targets]) => {
      const pool = foreignPoolOf(call.env, peerNode, targetNode);
      const asked = { configVersion: lookup.sequence, principal: `kms:${entry.id}`, initiator, targets };
      const outcome = await answerOf(
        async () => await pool.importForeign({ ...asked, peerNode, targetNode, recipients, keyIds, sizesBytes, bytes }),
      );
      return { targets, outcome };
    }),
  );
  bytes.fill(0);
  const faults = outcomes.flatMap(({ outcome }) => (outcome.ok ? [] : [outcome.error]));
  const [first] = faults;
  if (first !== undefined && faults.length === outcomes.length && faults.every(isPassing)) return err(first);
  return ok(
    outcomes.flatMap(({ targets, outcome }) =>
      targets.map((target): Ack => {
        const ack = { initiator, target, keyIds };
        return outcome.ok
          ? { ...ack, status: "relayed" }
          : { ...ack, status: "failed", message: outcome.error.message };
      }),
    ),
  );
}

async function takeBack({ call, entry, lookup, byNode }: HandOver, request: VoidKeys): Promise<Result<Ack[], Fault>> {
  const { initiator, keyIds } = request;
  const outcomes: VoidOutcome[] = [];
  for (const [node, targets] of byNode) {
    const pool = foreignPoolOf(call.env, nodeId(entry.node), node);
    const asked: Omit<ForeignVoidCall, "after"> = {
      configVersion: lookup.sequence,
      principal: `kms:${entry.id}`,
      initiator,
      targets,
      keyIds,
    };
    const step = await everyStep(
      async (after) => await answerOf(async () => await pool.voidForeign({ ...asked, after })),
    );
    if (!step.ok) return step;
    outcomes.push(...step.value);
  }
  return ok(gatherAcks(initiator, outcomes));
}

type VoidStep = Awaited<ReturnType<ForeignKeysRpc["voidForeign"]>>;

async function everyStep(ask: (after: KeyId | null) => Promise<VoidStep>): Promise<Result<VoidOutcome[], Fault>> {
  const outcomes: VoidOutcome[] = [];
  for (let after: KeyId | null = null; ;) {
    const step: VoidStep = await ask(after);
    if (!step.ok) return step;
    outcomes.push(...step.value.outcomes);
    after = step.value.next;
    if (after === null) return ok(outcomes);
  }
}

async function answer({ call, entry, callbackUrl }: HandOver, acks: readonly Ack[]): Reply {
  const written = writeAcks(acks, entry.form);
  if (callbackUrl === null) return ok(respondJson(written));
  const letter = { url: callbackUrl, via: entry.via ?? null, body: JSON.stringify(written) };
  const peer = call.env.KMS_PEER.getByName(entry.id);
  const kept = await answerOf(async () => await peer.acknowledge({ node: nodeId(entry.node), letter }));
  return kept.ok ? ok(respondJson({}, 202)) : kept;
}
