/**
 * A key's walk along a path of qkd-trusted-node. The first link's key is the key; over each further link it goes XORed
 * with that link's. States: `arrived` (a request is here, its link's key still at the KME), then `ended` at the last
 * node, or `underway` at any other, which asks the next node once it has a key of the next link.
 *
 * Nothing authenticates a walk but the TLS between its nodes, and nothing binds it to its path: that is the original's.
 */
import { fromBase64, toBase64 } from "../bytes/base64.ts";
import { fail, type Fault } from "../errors/errors.ts";
import { ok, type Result } from "../result.ts";
import type { ExtKeysRequest, VoidRequest, WalkedNode } from "./messages.ts";

export interface Key {
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface Arrived {
  readonly state: "arrived";
  readonly request: ExtKeysRequest;
  /** Null: the path ends here. */
  readonly next: string | null;
}
export interface Ended {
  readonly state: "ended";
  readonly key: Key;
}
export interface Underway {
  readonly state: "underway";
  readonly key: Key;
  readonly next: string;
  readonly request: ExtKeysRequest;
}

/** The node after `own`. @returns `bad-request` for a path that does not lead here, or comes back */
export function nextOf(
  { path_to_go: path }: Pick<ExtKeysRequest, "path_to_go">,
  own: string,
): Result<string | null, Fault> {
  if (path[0] !== own) return fail("bad-request", "path_to_go: does not begin with the node that is asked");
  if (new Set(path).size < path.length) return fail("bad-request", "path_to_go: leads to a node twice");
  return ok(path[1] ?? null);
}

/** Looks at a request before anything is taken from a KME for it. */
export function arrive(asked: ExtKeysRequest, own: string): Result<Arrived, Fault> {
  const ids = { first_key_id: asked.first_key_id.toLowerCase(), key_id: asked.key_id.toLowerCase() };
  const request = { ...asked, ...ids };
  const next = nextOf(request, own);
  if (!next.ok) return next;
  const last = request.path_to_go.at(-1);
  if (last !== request.target_trusted_node_id) {
    return fail("bad-request", "target_trusted_node_id: is not the last of path_to_go");
  }
  if (request.key === null && request.key_id !== request.first_key_id) {
    return fail("bad-request", "key: is missing, and this is not the first link");
  }
  return ok({ state: "arrived", request, next: next.value });
}

/** @param linkKey of the link that the request came over; wiped here where it is not the key itself */
export function unwrap({ request, next }: Arrived, linkKey: Uint8Array): Result<Ended | Underway, Fault> {
  const bytes = request.key === null ? linkKey : xor(fromBase64(request.key) ?? new Uint8Array(), linkKey);
  if (bytes === null) return fail("bad-request", "key: is longer than the link's");
  const key = { id: request.first_key_id, bytes };
  return ok(next === null ? { state: "ended", key } : { state: "underway", key, next, request });
}

/** What the next node is asked. @param linkKey of the link to it, not shorter than the key; wiped here, and so is the key */
export function onward({ key, request }: Underway, linkKey: Key): Result<ExtKeysRequest, Fault> {
  const masked = xor(key.bytes, linkKey.bytes);
  key.bytes.fill(0);
  if (masked === null) return fail("unavailable", "the next link's KME gave a key that is too short");
  return ok({
    ...request,
    key_id: linkKey.id,
    key: toBase64(masked),
    path_to_go: request.path_to_go.slice(1),
  });
}

/**
 * Wipes `pad`. As in the original the pad may be the longer one: its KME simulator takes a size in bits for one in bytes.
 * Null where it is too short.
 */
function xor(bytes: Uint8Array, pad: Uint8Array): Uint8Array | null {
  const out = bytes.length <= pad.length ? bytes.map((byte, at) => byte ^ (pad[at] as number)) : null;
  pad.fill(0);
  return out;
}

/** Who has keys with whom, over which nodes: both ends included in `path`. */
export interface Journey {
  readonly master: string;
  readonly slave: string;
  readonly path: readonly string[];
  readonly heard: readonly WalkedNode[];
}

/** The first request of a walk, to the second node of its path. */
export function firstRequest({ master, slave, path, heard }: Journey, keyId: string): ExtKeysRequest {
  return {
    first_key_id: keyId,
    key_id: keyId,
    key: null,
    initiator_trusted_node_id: path[0] ?? "",
    initiator_sae_id: master,
    target_trusted_node_id: path.at(-1) ?? "",
    target_sae_node_id: slave,
    path_to_go: path.slice(1),
    discovered_network: [...heard],
  };
}

/** Asks the node where the master is, the last of the path, for keys of the slave here. */
export const fetchRequest = ({ master, slave, path, heard }: Journey, keyIds: readonly string[]): VoidRequest => ({
  key_ids: [...keyIds],
  initiator_sae_id: master,
  target_sae_id: slave,
  path_to_go: path.slice(1),
  discovered_network: [...heard],
});
