/**
 * `[hybrid]` of `agent.toml`: the nodes of this site and of others between whose applications hybrid keys are made, and how
 * each of those is reached: the agent of its site, through the tunnel, or a hybridization module as it is.
 */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { distinct, filePath, flag, plainId } from "../../config-values.ts";
import { PlaceSchema } from "../../place.ts";

/** Which the agents' own connections go to, at each other. No `[[service]]` may be called so. */
export const HYBRID_SERVICE = "hybrid";

const uuid = v.pipe(
  v.string("shall be a text"),
  v.regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "shall be a UUID in lower case"),
);

const node = v.strictObject({ id: plainId, uuid });

const peer = v.pipe(
  v.strictObject({
    /** Of the node, as sources and destinations name it. */
    uuid,
    /** Whose agent serves it; this site for one of its own nodes that has settings of its own. */
    site: v.optional(plainId),
    /** Where an unmodified hybridization module serves it. */
    module: v.optional(PlaceSchema),
    /** A method of the module's, or a source of it, may give less than a whole chunk: the key is then that short. */
    compat_short_keys: v.optional(flag, false),
    /** Where but one source is left, it may be combined with the module's key from a shared seed, the same for ever. */
    allow_seed_fallback: v.optional(flag, false),
    shared_seed_file: v.optional(filePath),
    /** The module's QKD node counts, as the `[[etsi004]]` setting of that name says: each key of a session has QKD key. */
    index_zero_is_next: v.optional(flag),
  }),
  v.check(
    ({ site, module }) => (site === undefined) !== (module === undefined),
    'either site = "..." or module = "ADDRESS:PORT" shall be given',
  ),
  v.check(
    ({ allow_seed_fallback: allowed, shared_seed_file: file }) => allowed === (file !== undefined),
    "shared_seed_file goes with allow_seed_fallback = true",
  ),
  v.check(
    ({ module, index_zero_is_next: counts }) => counts === undefined || module !== undefined,
    "index_zero_is_next goes with module = ...",
  ),
);

/** This end of conversations with hybridization modules: mutual TLS, as they have it. */
const modules = v.strictObject({
  listen: PlaceSchema,
  /** PEM of this end, and of the authority that the modules' certificates are from. */
  cert: filePath,
  key: filePath,
  ca: filePath,
});

export const HybridSchema = v.pipe(
  v.strictObject({
    node: v.pipe(
      v.array(node, "shall be [[hybrid.node]]"),
      v.minLength(1, "at least one [[hybrid.node]] of this site is needed"),
      v.maxLength(LIMITS.hybridNodes, `at most ${LIMITS.hybridNodes} nodes`),
      v.check((nodes) => distinct(nodes, (each) => each.uuid), "two nodes have the same uuid"),
      v.check((nodes) => distinct(nodes, ({ id }) => id), "two nodes have the same id"),
    ),
    peer: v.optional(
      v.pipe(
        v.array(peer, "shall be [[hybrid.peer]]"),
        v.maxLength(LIMITS.hybridPeers, `at most ${LIMITS.hybridPeers} peers`),
        v.check((peers) => distinct(peers, (each) => each.uuid), "two peers have the same uuid"),
      ),
      [],
    ),
    module: v.optional(modules),
  }),
  v.forward(
    v.check(
      ({ peer: peers, module }) => (module !== undefined) === peers.some((each) => each.module !== undefined),
      "[hybrid.module] goes with peers that have module = ...",
    ),
    ["module"],
  ),
);

export type HybridConfig = v.InferOutput<typeof HybridSchema>;
export type HybridPeer = HybridConfig["peer"][number];
export type HybridModuleConfig = NonNullable<HybridConfig["module"]>;

/** The other sites whose agents are peers. */
export const sitesOf = ({ peer: peers }: Pick<HybridConfig, "peer">, ownSite: string): readonly string[] => [
  ...new Set(peers.flatMap(({ site }) => (site === undefined || site === ownSite ? [] : [site]))),
];

/** What of the rest of the configuration matters here. */
interface Around {
  readonly site: string;
  readonly hybrid?: HybridConfig | undefined;
  readonly certificate?: object | undefined;
  readonly service: readonly { readonly name: string }[];
}

const RULES: readonly (readonly [rule: (around: Around, hybrid: HybridConfig) => boolean, problem: string])[] = [
  [
    ({ site }, { node: nodes, peer: peers }) => {
      const own = new Set(nodes.map((each) => each.uuid));
      return peers.every((each) => own.has(each.uuid) === (each.site === site));
    },
    "a peer of this site has to be one of its [[hybrid.node]], and those are of no other site",
  ],
  [
    ({ site, certificate }, hybrid) => certificate !== undefined || sitesOf(hybrid, site).length === 0,
    "peers at other sites need [certificate]",
  ],
  [
    ({ service: services }) => services.every(({ name }) => name !== HYBRID_SERVICE),
    `no [[service]] can be called "${HYBRID_SERVICE}": the agents' own one is`,
  ],
  [
    ({ service: services }) => services.length < LIMITS.tunnelServices,
    `at most ${LIMITS.tunnelServices - 1} [[service]] beside it`,
  ],
];

/** What does not fit the rest of the configuration, in words for who wrote it. */
export const hybridProblem = (around: Around): string | undefined => {
  const { hybrid } = around;
  return hybrid === undefined ? undefined : RULES.find(([rule]) => !rule(around, hybrid))?.[1];
};

/** Nodes by UUID that applications here may share hybrid keys with: peers, and this site's own with the usual settings. */
export function partners({ node: nodes, peer: peers }: HybridConfig, ownSite: string): ReadonlyMap<string, HybridPeer> {
  const usual = { site: ownSite, compat_short_keys: false, allow_seed_fallback: false };
  return new Map([
    ...nodes.map((each) => [each.uuid, { uuid: each.uuid, ...usual }] as const),
    ...peers.map((each) => [each.uuid, each] as const),
  ]);
}
