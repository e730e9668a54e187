/** `[[ipsec]]` of `agent.toml`: the IPsec host of a node of this site, and where its SAs' keys come from. */
import * as v from "valibot";
import { IPSEC_SERVICE } from "../../../shared/ipsec/errand.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { distinct, flag, plainId, text, wholeNumber } from "../../config-values.ts";
import { PlaceSchema } from "../../place.ts";
import { ASK, isAskedFor, networks } from "../etsi004/config.ts";
import type { HybridConfig } from "../hybrid/config.ts";
import { NetconfSchema } from "../netconf/config.ts";

/** The original proxy agent's port: whoever may connect can have IPsec set up, in clear text and without a proof of who it is. */
const listen = v.pipe(
  v.strictObject({
    address: v.optional(text(255), "127.0.0.1"),
    port: v.optional(wholeNumber(0, 65_535), 3000),
    /** Addresses and networks of controllers. This machine always may. */
    allow: networks,
    insecure_lan: v.optional(flag, false),
    /** Names by which controllers call it, besides its address and those of this machine: `Host` headers. */
    hosts: v.optional(v.pipe(v.array(text(255)), v.maxLength(LIMITS.localHosts)), []),
  }),
  v.check((config) => isAskedFor(config), ASK),
);

const callback = v.pipe(
  text(LIMITS.ipsecCallbackUrlChars),
  v.url("shall be a URL"),
  v.check(
    (url) => !URL.canParse(url) || /^https?:$/.test(new URL(url).protocol),
    "shall begin with https:// or http://",
  ),
);

const ipsec = v.strictObject({
  node: plainId,
  /** The IPsec host. */
  netconf: NetconfSchema,
  /** For controllers that know the original proxy agent only. */
  listen: v.optional(listen),
  /** For which application hybrid keys are made, by [hybrid]: attached to `node`. */
  sae: v.optional(text(LIMITS.saeIdChars)),
  /** A listener of the hybridization module's protocol that gives the keys instead. They cross the way to it in clear text. */
  hybrid_module: v.optional(PlaceSchema),
  /** Notifications of the host are POSTed there as JSON. */
  controller_callback: v.optional(callback),
});

export const IpsecListSchema = v.pipe(
  v.array(ipsec, "shall be [[ipsec]]"),
  v.maxLength(LIMITS.ipsecHosts, `at most ${LIMITS.ipsecHosts} IPsec hosts`),
  v.check((hosts) => distinct(hosts, ({ node }) => node), "two IPsec hosts of the same node"),
);

export type IpsecConfig = v.InferOutput<typeof ipsec>;
export type IpsecListenConfig = NonNullable<IpsecConfig["listen"]>;

/** What of the rest of the configuration matters here. */
interface Around {
  readonly ipsec: readonly IpsecConfig[];
  readonly hybrid?: HybridConfig | undefined;
  readonly service: readonly { readonly name: string }[];
}

const RULES: readonly (readonly [rule: (around: Around) => boolean, problem: string])[] = [
  [
    ({ ipsec: hosts }) =>
      hosts.every(({ sae, hybrid_module: module }) => (sae === undefined) !== (module === undefined)),
    'either sae = "..." or hybrid_module = "ADDRESS:PORT" shall be given',
  ],
  [
    ({ ipsec: hosts, hybrid }) =>
      hosts.every(({ sae, node }) => sae === undefined || hybrid?.node.some(({ id }) => id === node) === true),
    "sae = ... needs [hybrid] with a [[hybrid.node]] of that id",
  ],
  [
    ({ service: services }) => services.every(({ name }) => name !== IPSEC_SERVICE),
    `no [[service]] can be called "${IPSEC_SERVICE}": the agent's own one is`,
  ],
  [
    ({ service: services }) => services.length < LIMITS.tunnelServices - 1,
    `at most ${LIMITS.tunnelServices - 2} [[service]] beside it`,
  ],
];

/** What does not fit the rest of the configuration, in words for who wrote it. */
export const ipsecProblem = (around: Around): string | undefined =>
  around.ipsec.length === 0 ? undefined : RULES.find(([rule]) => !rule(around))?.[1];
