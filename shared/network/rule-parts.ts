/** What the rules of a network document look at, and what many of them ask. */
import type { PointerFault } from "./directory-types.ts";
import type {
  KmsClientEntry,
  KmsPeerEntry,
  KmsUserEntry,
  LegacyNodeEntry,
  LinkEntry,
  NetworkDocument,
  NodeEntry,
  PairEntry,
  Policy,
  SaeEntry,
  WebhookEntry,
} from "./document.ts";

export interface Entry<T> {
  readonly pointer: string;
  readonly value: T;
}

/** The entries of a document whose shape is right. */
export interface Sections {
  readonly nodes: readonly Entry<NodeEntry>[];
  readonly links: readonly Entry<LinkEntry>[];
  readonly saes: readonly Entry<SaeEntry>[];
  readonly agents: readonly Entry<NetworkDocument["agents"][number]>[];
  readonly controllers: readonly Entry<NetworkDocument["controllers"][number]>[];
  readonly operators: readonly Entry<NetworkDocument["operators"][number]>[];
  readonly pairs: readonly Entry<PairEntry>[];
  readonly kmsPeers: readonly Entry<KmsPeerEntry>[];
  readonly legacyNodes: readonly Entry<LegacyNodeEntry>[];
  readonly kmsClients: readonly Entry<KmsClientEntry>[];
  readonly kmsUsers: readonly Entry<KmsUserEntry>[];
  readonly webhooks: readonly Entry<WebhookEntry>[];
  readonly policy: Policy | null;
  /** Ids of all nodes, those at fault elsewhere included. */
  readonly nodeIds: ReadonlySet<string>;
  /** Where nodes are hosted here. */
  readonly sites: ReadonlySet<string>;
  /** Has every node an id? If not, what seems to refer to no node may refer to that one. */
  readonly nodesTold: boolean;
  /** Likewise of SAEs and links; null where not every one has an id. */
  readonly saeIds: ReadonlySet<string> | null;
  readonly linkIds: ReadonlySet<string> | null;
  readonly operatorsAtFault: boolean;
}

/** What a new document is judged by besides itself. */
export interface InForce {
  /** The document it replaces. */
  readonly previous?: NetworkDocument;
  /** Credentials that have expired by then count for nothing. */
  readonly nowMs?: number;
  /** `revocationKey` of all that is revoked. */
  readonly revoked?: ReadonlySet<string>;
}

/** Entries whose key stands in an earlier entry too; entries without one are passed over. */
export function repeated<T>(
  entries: readonly Entry<T>[],
  member: string,
  keyOf: (value: T) => string | undefined,
  message = `the same ${member}`,
): PointerFault[] {
  const first = new Map<string, string>();
  return entries.flatMap(({ pointer, value }) => {
    const key = keyOf(value);
    if (key === undefined) return [];
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, pointer);
    return earlier === undefined ? [] : [{ pointer: `${pointer}/${member}`, message: `${message} as ${earlier}` }];
  });
}

export function unknownNode(pointer: string, member: string, id: string, sections: Sections): PointerFault[] {
  return !sections.nodesTold || sections.nodeIds.has(id)
    ? []
    : [{ pointer: `${pointer}/${member}`, message: `no node has the id ${id}` }];
}
