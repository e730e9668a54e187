/** What a NETCONF server can do, by its hello (RFC 6241 8). */
import type { FramingVersion } from "./framing.ts";
import type { NetconfStatus } from "./netconf-host.ts";

export const IKELESS = "urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless";

export type Capabilities = NonNullable<NetconfStatus["capabilities"]> & {
  /** With `<persist>`, by which another session can end what one began (8.4.5.1). */
  readonly isPersistent: boolean;
};

const BASE = "urn:ietf:params:netconf:base:";
const CAPABILITY = "urn:ietf:params:netconf:capability:";
/** RFC 8525: modules then stand in a library, and may be missing in the hello. */
const YANG_LIBRARY = `${CAPABILITY}yang-library:1.1`;

/** @returns null where the server has no version of NETCONF that is known here */
export function capabilitiesOf(announced: readonly string[]): Capabilities | null {
  const names = new Set(announced.map((uri) => uri.split("?", 1)[0] ?? ""));
  const version: FramingVersion | null = names.has(`${BASE}1.1`) ? "1.1" : names.has(`${BASE}1.0`) ? "1.0" : null;
  if (version === null) return null;
  const has = (name: string, ...versions: readonly string[]): boolean =>
    versions.some((each) => names.has(`${CAPABILITY}${name}:${each}`));
  return {
    version,
    isCandidate: has("candidate", "1.0"),
    isConfirmedCommit: has("confirmed-commit", "1.0", "1.1"),
    isPersistent: has("confirmed-commit", "1.1"),
    isWritableRunning: has("writable-running", "1.0"),
    isRollbackOnError: has("rollback-on-error", "1.0"),
    isValidate: has("validate", "1.0", "1.1"),
    isNotification: has("notification", "1.0"),
    isInterleave: has("interleave", "1.0"),
    hasModel: names.has(IKELESS) || names.has(YANG_LIBRARY),
  };
}
