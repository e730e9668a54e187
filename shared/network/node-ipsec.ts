/** What the network document says of a node's IPsec host and its proxy agent. */
import * as v from "valibot";
import { COMPATS, REGISTRIES } from "../ipsec/algorithms.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "./bounded-list.ts";

const ms = (least: number, most: number) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
/** An address with a prefix length is longest as `::ffff:` with an IPv4 address in it. */
const prefix = v.pipe(v.string(), v.minLength(1), v.maxLength(49));
const address = v.pipe(v.string(), v.minLength(1), v.maxLength(255));

export const NodeIpsecSchema = v.strictObject({
  /** By which templates name the node. One without a length is that address alone. */
  prefixes: boundedList(prefix, LIMITS.ipsecPrefixes),
  /** Of its proxy agent: what `/createqkd` calls endpoint1 and endpoint2. */
  addresses: v.optional(boundedList(address, LIMITS.ipsecAddresses), []),
  /** Whose numbers its controller means: IANA's of IKEv2, as RFC 9061 says, or Linux's of PF_KEY. */
  registry: v.optional(v.picklist(REGISTRIES), "iana"),
  /** What its IPsec host accepts where that is not what RFC 9061 says. */
  compat: v.optional(v.picklist(COMPATS), "none"),
  /** Keys are made of QKD or not at all, where the pair of proxy agents uses it. */
  qkd_required: v.optional(v.boolean(), false),
  /**
   * SAs are made anew before their lifetime ends: all, none, or those of the tunnels to these prefixes. Both ends of a
   * tunnel have to say so.
   */
  rekey: v.optional(v.union([v.boolean(), boundedList(prefix, LIMITS.ipsecPrefixes)]), false),
  /** Of another system: nobody here hears what becomes of an SA there. */
  foreign: v.optional(v.boolean(), false),
  /** How long a controller's call waits for the hosts before it is answered with what is known. */
  answer_wait_ms: v.optional(ms(0, LIMITS.ipsecAnswerWaitMs), 1000),
  /** How long the agent of one end waits for the other's, to make a key. */
  meet_ms: v.optional(ms(100, LIMITS.ipsecMeetMs), 30_000),
});
export type NodeIpsec = v.InferOutput<typeof NodeIpsecSchema>;
