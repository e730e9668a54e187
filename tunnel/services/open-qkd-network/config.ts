/**
 * `[[open_qkd_network]]` of `agent.toml`: the ports at which applications of a site find the KMS API of Open-QKD-Network, as
 * their `kms.conf` has them. What connects shows its own OAuth client and user, to the edge; the way from it to this
 * agent is plain HTTP, and so is this machine's unless told otherwise.
 */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { distinct, filePath, flag, plainId, text, wholeNumber } from "../../config-values.ts";
import { ASK, isAskedFor, networks } from "../etsi004/config.ts";

const port = (usual: number) => v.optional(wholeNumber(0, 65_535), usual);
const userName = text(LIMITS.localUserChars);

const openQkdNetwork = v.pipe(
  v.strictObject({
    /** Whose users these are: as log lines and messages call it. Which site a user is at, the network document says. */
    node: plainId,
    address: v.optional(text(255), "127.0.0.1"),
    /** `/uaa/oauth/token`. */
    token_port: port(9992),
    /** `/api/newkey`, `/api/getkey` and `/api/v1/keys/...`. */
    api_port: port(8095),
    /** Addresses and networks of applications. This machine always may. */
    allow: networks,
    insecure_lan: v.optional(flag, false),
    /** Names by which applications call it, besides its address and those of this machine: `Host` headers. */
    hosts: v.optional(v.pipe(v.array(text(255)), v.maxLength(LIMITS.localHosts)), []),
    /** The user that an application has built in -> the one that it is at this site. */
    users: v.optional(
      v.pipe(
        v.record(userName, userName),
        v.maxEntries(LIMITS.localRenamedUsers, `at most ${LIMITS.localRenamedUsers} users`),
      ),
      {},
    ),
    /** For applications that ask for keys without a token: the OAuth client by whose node they get them. */
    sign_in: v.optional(v.strictObject({ client: plainId, secret_file: filePath })),
  }),
  v.check((config) => isAskedFor(config), ASK),
);

export const OpenQkdNetworkListSchema = v.pipe(
  v.array(openQkdNetwork, "shall be [[open_qkd_network]]"),
  v.maxLength(LIMITS.localServices, `at most ${LIMITS.localServices} of them`),
  v.check((entries) => distinct(entries, ({ node }) => node), "two [[open_qkd_network]] of the same node"),
);

export type OpenQkdNetworkConfig = v.InferOutput<typeof openQkdNetwork>;

/** In the order in which a client needs them. */
export const KMS_PORTS = ["token", "api"] as const;
export type KmsPort = (typeof KMS_PORTS)[number];

/** Where one of the two listens. */
export const placeOfKms = (config: OpenQkdNetworkConfig, which: KmsPort) => ({
  address: config.address,
  port: which === "token" ? config.token_port : config.api_port,
});
