/**
 * A snapshot of the Directory, arranged for the questions a Worker asks with every request: who owns this credential,
 * where is this SAE, which nodes are neighbours. Built once per change, asked many times.
 */
import type { Principal } from "../auth/principal.ts";
import { siteOf } from "../auth/policy.ts";
import { canonicalSan } from "../auth/san.ts";
import { pairName, pairOf, parsePairName, type NodeId, type PairName, type SaeId } from "../ids.ts";
import type { Drain, Revocation, Snapshot } from "./directory-types.ts";
import {
  type Credential,
  DEFAULT_POLICY,
  type KmsClientEntry,
  type KmsPeerEntry,
  type KmsUserEntry,
  type LegacyNodeEntry,
  type LinkEntry,
  type NodeEntry,
  type Policy,
  type SaeEntry,
} from "./document.ts";

type Unproven<P> = P extends Principal ? Omit<P, "by"> : never;
/** A principal before it is known how it proved itself. */
export type Subject = Unproven<Principal>;

/** Whom a credential belongs to. */
export interface Owner {
  readonly subject: Subject;
  /** Set for an SAE the document no longer holds: it may fetch pending keys until then. */
  readonly drainedUntilMs: number | null;
}

export interface TokenOwner extends Owner {
  readonly sha256: string;
  /** ISO 8601, or null: no end. */
  readonly expires: string | null;
  readonly scopes: readonly string[] | null;
}

/** What can be told of a client certificate. */
export interface CertificateNames {
  /** SHA-256 of the DER, 64 lower-case hex digits. */
  readonly fingerprint: string;
  /** `DNS:sae-a`, canonical (see `canonicalSan`). */
  readonly sans: readonly string[];
  readonly commonName: string | null;
}

export interface Lookup {
  readonly snapshot: Snapshot;
  readonly sequence: number;
  readonly policy: Policy;
  readonly saesById: ReadonlyMap<string, SaeEntry>;
  /** Of the addresses by which clients of ETSI 004 call SAEs. */
  readonly saesByAddress: ReadonlyMap<string, SaeEntry>;
  /** SAEs that nodes of other deployments may announce, and which of them. */
  readonly remoteSaes: ReadonlyMap<string, NodeId>;
  /** SAEs behind KMSs of others, and behind which. */
  readonly kmsPeerBySae: ReadonlyMap<string, KmsPeerEntry>;
  /** SAEs at or beyond a neighbour that runs qkd-trusted-node, and that neighbour. */
  readonly legacyBySae: ReadonlyMap<string, LegacyNodeEntry>;
  readonly kmsPeersById: ReadonlyMap<string, KmsPeerEntry>;
  readonly saesByNode: ReadonlyMap<string, readonly SaeEntry[]>;
  readonly nodesById: ReadonlyMap<string, NodeEntry>;
  /** UUIDs are in lower case. */
  readonly nodesByUuid: ReadonlyMap<string, NodeEntry>;
  readonly nodesByKmeId: ReadonlyMap<string, NodeEntry>;
  /** Of the Open-QKD-Network KMS API: by site ids, and by the ids of nodes. */
  readonly nodesBySiteId: ReadonlyMap<string, NodeEntry>;
  readonly kmsClientsById: ReadonlyMap<string, KmsClientEntry>;
  readonly kmsUsersById: ReadonlyMap<string, KmsUserEntry>;
  readonly linksById: ReadonlyMap<string, LinkEntry>;
  /** Agent id -> site. */
  readonly agentSites: ReadonlyMap<string, string>;
  /** Where there are nodes or agents. */
  readonly sites: ReadonlySet<string>;
  readonly linkByPair: ReadonlyMap<PairName, LinkEntry>;
  /** See `disjointPathsFor`. */
  readonly disjointPaths: ReadonlyMap<PairName, number>;
  /** The most KeyPool objects any pair has or, while it drains, had: no key ID names a higher shard. */
  readonly maxShards: number;
  /** The same among the pairs of each node that has a link: no key of a master at that node names a higher shard. */
  readonly maxShardsByNode: ReadonlyMap<string, number>;
  /** Nodes one link away. */
  readonly neighbours: ReadonlyMap<string, readonly NodeId[]>;
  readonly saeDrains: ReadonlyMap<string, readonly Extract<Drain, { kind: "sae" }>[]>;
  readonly pairDrains: ReadonlyMap<PairName, Extract<Drain, { kind: "pair" }>>;
  readonly tokens: ReadonlyMap<string, TokenOwner>;
  /** By `fingerprint:<hex>`, `san:DNS:<name>` or `cn:<name>`. */
  readonly certificates: ReadonlyMap<string, Owner>;
  /** What `certificateOwners` has answered: the same certificates come again and again. */
  readonly ownersOf: WeakMap<CertificateNames, readonly Owner[]>;
  /** See `revocationKey`. */
  readonly revoked: ReadonlySet<string>;
}

/** ETSI 014 KME ID of a node. */
export const kmeIdOf = (node: Pick<NodeEntry, "id" | "kme_id">): string => node.kme_id ?? node.id;

/** By what clients of the Open-QKD-Network KMS API may call a node's site. */
export const siteIdsOf = ({ id, kms_site_id: siteId }: Pick<NodeEntry, "id" | "kms_site_id">): readonly string[] =>
  siteId === undefined || siteId === id ? [id] : [id, siteId];

/** Builds all maps; cost grows with the document, so keep the result until the sequence changes. */
export function buildLookup(snapshot: Snapshot): Lookup {
  const { document, drains } = snapshot;
  const credentials = new CredentialIndex();
  for (const [subject, list] of credentialHolders(snapshot)) credentials.add({ subject, drainedUntilMs: null }, list);
  const saesById = new Map(document.saes.map((sae) => [sae.id, sae]));
  const saeDrains = drains.filter((drain) => drain.kind === "sae");
  for (const { sae, untilMs } of saeDrains) {
    // A moved SAE proves itself as the document says now; only a removed one by what it used to say.
    if (!saesById.has(sae.id)) credentials.add({ subject: saeSubject(sae), drainedUntilMs: untilMs }, sae.credentials);
  }
  return {
    snapshot,
    sequence: snapshot.sequence,
    policy: completed(document.policy),
    saesById,
    saesByAddress: new Map(document.saes.flatMap((sae) => (sae.addresses ?? []).map((address) => [address, sae]))),
    remoteSaes: new Map(
      document.nodes.flatMap(({ id, remote }) => (remote?.saes ?? []).map((sae) => [sae, nodeId(id)] as const)),
    ),
    kmsPeerBySae: new Map((document.kms_peers ?? []).flatMap((peer) => peer.saes.map((sae) => [sae, peer] as const))),
    legacyBySae: new Map(
      (document.legacy_nodes ?? []).flatMap((legacy) => legacy.saes.map((sae) => [sae, legacy] as const)),
    ),
    kmsPeersById: new Map((document.kms_peers ?? []).map((peer) => [peer.id, peer])),
    saesByNode: Map.groupBy(document.saes, ({ node }) => node),
    nodesById: new Map(document.nodes.map((node) => [node.id, node])),
    nodesByUuid: new Map(document.nodes.flatMap((node) => (node.uuid === undefined ? [] : [[node.uuid, node]]))),
    nodesByKmeId: new Map(document.nodes.map((node) => [kmeIdOf(node), node])),
    nodesBySiteId: new Map(document.nodes.flatMap((node) => siteIdsOf(node).map((siteId) => [siteId, node] as const))),
    kmsClientsById: new Map((document.kms_clients ?? []).map((client) => [client.id, client])),
    kmsUsersById: new Map((document.kms_users ?? []).map((user) => [user.id, user])),
    linksById: new Map(document.links.map((link) => [link.id, link])),
    agentSites: new Map(document.agents.map(({ id, site }) => [id, site])),
    sites: new Set([
      ...document.nodes.filter(({ remote }) => remote === undefined).map((node) => siteOf(node)),
      ...document.agents.map(({ site }) => site),
    ]),
    linkByPair: new Map(document.links.map((link) => [pairOfLink(link), link])),
    disjointPaths: new Map((document.pairs ?? []).map((pair) => [pairOfLink(pair), pair.disjoint_paths])),
    maxShards: maxShardsOf(snapshot),
    maxShardsByNode: maxShardsByNode(snapshot),
    neighbours: neighboursOf(document.links),
    saeDrains: Map.groupBy(saeDrains, (drain) => drain.sae.id),
    pairDrains: new Map(drains.filter((drain) => drain.kind === "pair").map((drain) => [drain.pair, drain])),
    tokens: credentials.tokens,
    certificates: credentials.certificates,
    ownersOf: new WeakMap(),
    revoked: revokedKeys(snapshot.revocations),
  };
}

/**
 * A Directory of the release before knows nothing of some members. Nor do its pools of relays: they would take a shard of
 * relayed key for one more of the link.
 */
const completed = (policy: Partial<Policy>): Policy => ({
  ...DEFAULT_POLICY,
  ...policy,
  relay: policy.relay ?? { ...DEFAULT_POLICY.relay, enabled: false },
});

/** `certificate:<hex>`, `token:<hex>`, `principal:<role:id>`. */
export const revocationKey = (kind: Revocation["kind"], value: string): string => `${kind}:${value}`;

export const revokedKeys = (revocations: readonly Revocation[]): ReadonlySet<string> =>
  new Set(revocations.map(({ kind, value }) => revocationKey(kind, value)));

/** Who has how many KeyPool objects: pairs with a link, and those that still drain. */
function* pairShards({ document, drains }: Pick<Snapshot, "document" | "drains">): Generator<[PairName, number]> {
  for (const link of document.links) yield [pairOfLink(link), link.shards];
  for (const drain of drains) if (drain.kind === "pair") yield [drain.pair, drain.config.shards];
}

/**
 * The most KeyPool objects any pair has. Keys of several slaves lie in the pools of several pairs, in the shard that
 * made them: any pair may hold keys in any shard up to this.
 */
export function maxShardsOf(network: Pick<Snapshot, "document" | "drains">): number {
  let max = 1;
  for (const [, shards] of pairShards(network)) max = Math.max(max, shards);
  return max;
}

function maxShardsByNode(snapshot: Snapshot): Map<string, number> {
  const shardsByNode = new Map<string, number>();
  for (const [pair, shards] of pairShards(snapshot)) {
    const { low, high } = parsePairName(pair);
    for (const node of [low, high]) shardsByNode.set(node, Math.max(shardsByNode.get(node) ?? 1, shards));
  }
  return shardsByNode;
}

/** Owners of a certificate, by all its names; more than one when names point to different principals. */
export function certificateOwners(lookup: Lookup, names: CertificateNames): readonly Owner[] {
  let owners = lookup.ownersOf.get(names);
  if (owners === undefined) {
    owners = findOwners(lookup, names);
    lookup.ownersOf.set(names, owners);
  }
  return owners;
}

function findOwners(lookup: Lookup, names: CertificateNames): readonly Owner[] {
  const keys = [`fingerprint:${names.fingerprint}`, ...names.sans.map((san) => `san:${san}`)];
  if (names.commonName !== null) keys.push(`cn:${names.commonName}`);
  const owners = new Map<string, Owner>();
  for (const key of keys) {
    const owner = lookup.certificates.get(key);
    if (owner !== undefined) owners.set(`${owner.subject.role}:${owner.subject.id}`, owner);
  }
  return [...owners.values()];
}

/**
 * Over how many node-disjoint paths the keys of two nodes have to come: then they are given from that relay shard and
 * from no other. Null: the document says nothing of them.
 */
export const disjointPathsFor = (lookup: Lookup, pair: PairName): number | null =>
  lookup.disjointPaths.get(pair) ?? null;

/** Until when keys of two nodes that can only have been relayed may still be fetched, once one of them has been removed; 0: not at all. */
export function relayDrainUntilMs({ pairDrains, nodesById }: Lookup, pair: PairName): number {
  const { low, high } = parsePairName(pair);
  const untilMs = [low, high].map((node) =>
    nodesById.has(node) ? Infinity : (pairDrains.get(localPair(node))?.untilMs ?? 0),
  );
  return Math.min(...untilMs);
}

export const isHosted = ({ nodesById }: Pick<Lookup, "nodesById">, id: string): boolean => {
  const node = nodesById.get(id);
  return node !== undefined && node.remote === undefined;
};

/** The form in which a certificate credential is compared. */
export function certificateKey(credential: Extract<Credential, { type: "certificate" }>): string {
  return `${credential.match}:${credential.match === "san" ? canonicalSan(credential.value) : credential.value}`;
}

export const pairOfLink = (link: Pick<LinkEntry, "nodes">): PairName =>
  pairName(pairOf(nodeId(link.nodes[0]), nodeId(link.nodes[1])));

/** Of the pool of one node's own SAEs; its drain, once the node is removed, is that of the node's relayed keys too. */
export const localPair = (node: string): PairName => pairName(pairOf(nodeId(node), nodeId(node)));

// Ids become branded where they leave the validated document: here.
/* oxlint-disable typescript/no-unsafe-type-assertion */
export const nodeId = (id: string): NodeId => id as NodeId;
export const saeId = (id: string): SaeId => id as SaeId;
/* oxlint-enable typescript/no-unsafe-type-assertion */

const saeSubject = (sae: SaeEntry): Subject => ({ role: "sae", id: saeId(sae.id), node: nodeId(sae.node) });

function* credentialHolders({ document }: Snapshot): Generator<readonly [Subject, readonly Credential[]]> {
  for (const sae of document.saes) yield [saeSubject(sae), sae.credentials];
  for (const node of document.nodes) yield [{ role: "node", id: nodeId(node.id) }, node.credentials ?? []];
  for (const agent of document.agents) yield [{ role: "agent", id: agent.id, site: agent.site }, agent.credentials];
  for (const controller of document.controllers)
    yield [{ role: "controller", id: controller.id }, controller.credentials];
  for (const { id, node, credentials } of document.legacy_nodes ?? []) {
    yield [{ role: "legacy", id, node: nodeId(node) }, credentials];
  }
  for (const { id, node, credentials } of document.kms_peers ?? []) {
    yield [{ role: "kms", id, node: nodeId(node) }, credentials];
  }
  for (const operator of document.operators) yield [{ role: "operator", id: operator.id }, operator.credentials];
}

/** The first to claim a credential keeps it: the document comes before what drains. */
class CredentialIndex {
  readonly tokens = new Map<string, TokenOwner>();
  readonly certificates = new Map<string, Owner>();

  add(owner: Owner, credentials: readonly Credential[]): void {
    for (const credential of credentials) {
      if (credential.type === "certificate") {
        const key = certificateKey(credential);
        if (!this.certificates.has(key)) this.certificates.set(key, owner);
      } else if (!this.tokens.has(credential.sha256)) {
        const { sha256, expires = null, scopes = null } = credential;
        this.tokens.set(sha256, { ...owner, sha256, expires, scopes });
      }
    }
  }
}

function neighboursOf(links: readonly LinkEntry[]): Map<string, NodeId[]> {
  const neighbours = new Map<string, NodeId[]>();
  const add = (from: string, to: string) => {
    const known = neighbours.get(from);
    if (known === undefined) neighbours.set(from, [nodeId(to)]);
    else known.push(nodeId(to));
  };
  for (const { nodes } of links) {
    add(nodes[0], nodes[1]);
    add(nodes[1], nodes[0]);
  }
  return neighbours;
}

/** Does this site's agent serve the node of this SAE? */
export function siteServesSae(lookup: Lookup, site: string, sae: { readonly node: string }): boolean {
  const node = lookup.nodesById.get(sae.node);
  return node !== undefined && siteOf(node) === site;
}
