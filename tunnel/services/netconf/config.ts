/** `[ipsec.netconf]` of `agent.toml`: how the agent reaches the IPsec host of a node, by NETCONF over SSH (RFC 6242). */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { filePath, text, wholeNumber } from "../../config-values.ts";
import { pinProblem } from "./known-hosts.ts";

export const NetconfSchema = v.pipe(
  v.strictObject({
    host: text(255),
    port: v.optional(wholeNumber(1, 65_535), 830),
    user: text(255),
    /** Its first line. */
    password_file: v.optional(filePath),
    /** A private key of OpenSSH's form, or PEM. */
    key_file: v.optional(filePath),
    passphrase_file: v.optional(filePath),
    /** The host's SSH key: `SHA256:...` as `ssh-keygen -l` shows it, or a line of known_hosts. */
    host_key: v.optional(
      v.pipe(
        text(LIMITS.netconfHostKeyChars),
        v.check(
          (written) => pinProblem(written) === null,
          (issue) => pinProblem(issue.input) ?? "",
        ),
      ),
    ),
    /** A file of the form of known_hosts. It may be missing until the key has been looked at and taken. */
    host_key_file: v.optional(filePath),
    /** One RPC, and one attempt to connect. */
    timeout_ms: v.optional(wholeNumber(LIMITS.netconfMinTimeoutMs, LIMITS.netconfTimeoutMs), 10_000),
    /** 0: none are sent. */
    keep_alive_ms: v.optional(wholeNumber(0, LIMITS.netconfKeepAliveMs), 15_000),
  }),
  v.check(
    ({ password_file: password, key_file: key }) => password !== undefined || key !== undefined,
    "password_file or key_file shall be given",
  ),
  v.check(
    ({ key_file: key, passphrase_file: passphrase }) => key !== undefined || passphrase === undefined,
    "passphrase_file goes with key_file",
  ),
  v.check(
    ({ host_key: key, host_key_file: file }) => (key === undefined) !== (file === undefined),
    'either host_key = "SHA256:..." or host_key_file shall be given',
  ),
);

/** Of files, which lie where the one lies in which they stand. */
export const NETCONF_PATHS = ["password_file", "key_file", "passphrase_file", "host_key_file"] as const;

export type NetconfConfig = v.InferOutput<typeof NetconfSchema>;
