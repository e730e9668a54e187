/** What neighbours that run qkd-trusted-node ask of the node: who is there, that a key goes on, and keys begun here. */
import { toBase64 } from "../../shared/bytes/base64.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type {
  DiscoverAnswer,
  DiscoverRequest,
  ExtKeysRequest,
  LegacyKey,
  VoidRequest,
} from "../../shared/qkd-trusted-node/messages.ts";
import type { Asked, LegacyNeighbour, LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import { arrive, type Ended, nextOf, onward, type Underway, unwrap } from "../../shared/qkd-trusted-node/walk.ts";
import { ok, type Result } from "../../shared/result.ts";
import { flood } from "./flood.ts";
import type { Keeping } from "./keeping.ts";
import type { Beside, Peers } from "./peers.ts";

export interface Parts {
  readonly peers: Peers;
  readonly keeping: Keeping;
}

export async function discover(parts: Parts, asked: Asked<DiscoverRequest>): Promise<Result<DiscoverAnswer, Fault>> {
  const { view, request } = asked;
  const from = neighbour(view, asked.from);
  if (!from.ok) return from;
  return ok({ walked_nodes: await flood(parts.peers, view, request.walked_nodes, request.distance) });
}

/** Everything is looked at before the KME is asked: what is refused costs no key. */
export async function extKeys(parts: Parts, asked: Asked<ExtKeysRequest>): Promise<Result<LegacyKey, Fault>> {
  const { view, request } = asked;
  const from = openNeighbour(view, asked.from);
  if (!from.ok) return from;
  const arrived = arrive(request, view.ownId);
  if (!arrived.ok) return arrived;
  const next = passage(view, from.value, arrived.value.next, request.initiator_sae_id, request.target_sae_node_id);
  if (!next.ok) return next;
  const { first_key_id: keyId, key_id: linkKeyId } = arrived.value.request;
  const admitted = next.value === null ? parts.keeping.admits(1, [keyId]) : ok(null);
  if (!admitted.ok) return admitted;
  const linkKey = await parts.peers.linkKey({ view, neighbour: from.value }, linkKeyId);
  if (!linkKey.ok) return linkKey;
  const walk = unwrap(arrived.value, linkKey.value);
  if (!walk.ok) return walk;
  if (walk.value.state === "ended") return keepHere(parts, asked, walk.value);
  if (next.value === null) return fail("internal", "a walk that goes on has somebody to go to");
  return await passOn(parts, asked, walk.value, next.value);
}

function keepHere({ keeping }: Parts, { view, from, request }: Asked<ExtKeysRequest>, { key }: Ended) {
  const [master, slave] = [request.initiator_sae_id, request.target_sae_node_id];
  const deed = { act: "legacy.keep", who: `legacy:${from}`, detail: { master, slave, key_id: key.id } };
  const owned = { kind: "come", neighbour: from, master, slave } as const;
  const kept = keeping.keep([key], owned, view.keyTtlMs, { node: view.node, deed });
  const answer = { key_ID: key.id, key: toBase64(key.bytes) };
  key.bytes.fill(0);
  return kept.ok ? ok(answer) : kept;
}

async function passOn(
  { peers, keeping }: Parts,
  { view, from, request }: Asked<ExtKeysRequest>,
  walk: Underway,
  next: LegacyNeighbour,
): Promise<Result<LegacyKey, Fault>> {
  const beside: Beside = { view, neighbour: next };
  const linkKeys = await peers.newLinkKeys(beside, 1, walk.key.bytes.length);
  const [linkKey] = linkKeys.ok ? linkKeys.value : [];
  if (!linkKeys.ok || linkKey === undefined) {
    walk.key.bytes.fill(0);
    return linkKeys.ok ? fail("unavailable", "the next link's KME gave no key") : linkKeys;
  }
  const further = onward(walk, linkKey);
  if (!further.ok) return further;
  const answer = await peers.extKeys(beside, further.value);
  const detail = { to: next.id, key_id: request.first_key_id, passed: answer.ok };
  keeping.tell({ node: view.node, deed: { act: "legacy.pass", who: `legacy:${from}`, detail } });
  return answer;
}

/** Not a withdrawal, whatever it is called: how the original fetches. */
export async function fetchKeys(parts: Parts, asked: Asked<VoidRequest>): Promise<Result<readonly LegacyKey[], Fault>> {
  const { view, request } = asked;
  const from = openNeighbour(view, asked.from);
  if (!from.ok) return from;
  const next = nextOf(request, view.ownId);
  if (!next.ok) return next;
  const [master, slave] = [request.initiator_sae_id, request.target_sae_id];
  if (next.value !== null) {
    const to = passage(view, from.value, next.value, slave, master);
    if (!to.ok) return to;
    if (to.value === null) return fail("internal", "a path that goes on has somebody to go to");
    const further = { ...request, path_to_go: request.path_to_go.slice(1) };
    const answer = await parts.peers.fetch({ view, neighbour: to.value }, further);
    const detail = { to: to.value.id, keys: request.key_ids.length, passed: answer.ok };
    parts.keeping.tell({ node: view.node, deed: { act: "legacy.pass", who: `legacy:${asked.from}`, detail } });
    return answer;
  }
  const detail = { master, slave, keys: request.key_ids.length };
  const deed = { act: "legacy.fetch", who: `legacy:${asked.from}`, detail };
  const wanted = { kind: "begun", neighbour: asked.from, master, slave } as const;
  const ids = request.key_ids.map((id) => id.toLowerCase());
  const taken = parts.keeping.take(ids, wanted, { node: view.node, deed });
  if (!taken.ok) return taken.error.code === "unauthorised" ? fail("forbidden", "a key is another SAE's") : taken;
  return ok(
    taken.value.map(({ id, bytes }) => {
      const key = { key_ID: id, key: toBase64(bytes) };
      bytes.fill(0);
      return key;
    }),
  );
}

function neighbour({ neighbours, node }: LegacyView, id: string): Result<LegacyNeighbour, Fault> {
  const found = neighbours.find((each) => each.id === id);
  return found === undefined ? fail("forbidden", `no neighbour of ${node}`) : ok(found);
}

/** One that keys may go to in clear. */
function openNeighbour(view: LegacyView, id: string): Result<LegacyNeighbour, Fault> {
  const found = neighbour(view, id);
  if (!found.ok || found.value.keyInClear) return found;
  return fail("forbidden", `keys go back in clear here, and key_in_clear of ${id} does not allow that`);
}

/**
 * May somebody at or beyond `from` have keys with that SAE here, or beyond `next`? Each neighbour speaks for its own SAEs
 * only. @returns the neighbour that comes next; null: the SAE is here
 */
function passage(
  view: LegacyView,
  from: LegacyNeighbour,
  next: string | null,
  theirs: string,
  wanted: string,
): Result<LegacyNeighbour | null, Fault> {
  if (!from.saes.includes(theirs)) return fail("forbidden", `${from.id} may not speak for the SAE ${theirs}`);
  if (next === null) return view.saes.includes(wanted) ? ok(null) : fail("forbidden", `no SAE ${wanted} is here`);
  if (next === from.id) return fail("bad-request", "path_to_go: leads back");
  const to = openNeighbour(view, next);
  if (!to.ok || to.value.saes.includes(wanted)) return to;
  return fail("forbidden", `the SAE ${wanted} is not one of ${next}`);
}
