/** `type = "qkd-module"`: one end of a QKD link, run by the agent itself. Its settings are those of the network document. */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { moduleProblem, ModuleSettingsSchema, SIMULATIONS } from "../../../shared/qkd-module/settings.ts";
import { choice, filePath, isLoopback, text, wholeNumber } from "../../config-values.ts";
import { allowList, isNetwork } from "../../services/etsi004/allow-list.ts";
import { PlaceSchema, placeOf } from "../../place.ts";
import { common, keySizeBits } from "../common-config.ts";

const network = v.pipe(text(64), v.check(isNetwork, "shall be an address or a network, as in 10.0.0.0/8"));

interface Places {
  readonly listen?: string | undefined;
  readonly connect?: string | undefined;
}
const hostOf = ({ listen, connect }: Places): string => placeOf(listen ?? connect ?? "")?.host ?? "";
const isHere = (places: Places): boolean => isLoopback(hostOf(places));

export const qkdModuleFeed = v.pipe(
  v.strictObject({
    type: v.literal("qkd-module"),
    ...common,
    role: choice("sender", "receiver"),
    sim: choice(...SIMULATIONS),
    ...ModuleSettingsSchema.entries,
    /** What `sim = "fake"` makes. */
    key_rate_bps: v.optional(wholeNumber(0, 1_000_000_000), 32_768),
    /** Of the keys that `max_key_count` counts: the policy's default size. */
    key_size_bits: keySizeBits,
    /** The sender's: where it waits for the receiver. Port 0: any free one; it stands in the log. */
    listen: v.optional(PlaceSchema),
    /** The receiver's: where it finds the sender, or the `[[listen]]` of a tunnel to it. */
    connect: v.optional(PlaceSchema),
    /** Loopback aside, who may connect to `listen`, and where `connect` may lead: addresses and networks. */
    allow: v.optional(v.pipe(v.array(network), v.maxLength(LIMITS.localAllowEntries)), []),
    /** `as-told`: what the other end says of itself counts until the first block is made, and that key from then on. */
    peer_public_key: v.optional(v.literal("as-told", "shall be as-told; a key goes into peer_public_key_file")),
    /** With the other end's public key, in hex: its own `public-key.hex`. */
    peer_public_key_file: v.optional(filePath),
  }),
  v.check(({ role, listen }) => (role === "sender") === (listen !== undefined), 'listen goes with role = "sender"'),
  v.check(
    ({ role, connect }) => (role === "receiver") === (connect !== undefined),
    'connect goes with role = "receiver"',
  ),
  v.check(
    ({ peer_public_key: told, peer_public_key_file: file }) => (told === undefined) !== (file === undefined),
    'either peer_public_key_file or peer_public_key = "as-told" shall be given',
  ),
  v.check(
    (feed) =>
      isHere(feed) || (feed.listen !== undefined && feed.allow.length > 0) || allowList(feed.allow)(hostOf(feed)),
    "an address of another machine, or one that other machines reach, needs allow = [...]",
  ),
  v.check(
    (feed) => feed.peer_public_key === undefined || isHere(feed),
    "nobody vouches for who is at an address of the local network: peer_public_key_file is needed",
  ),
  v.check(
    (feed) => moduleProblem(feed) === undefined,
    ({ input }) => moduleProblem(input) ?? "",
  ),
);

export type QkdModuleFeedConfig = v.InferOutput<typeof qkdModuleFeed>;
