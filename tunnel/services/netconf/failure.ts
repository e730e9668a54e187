/** Why an IPsec host was not asked, or did not do what it was asked. */
import { err, type Result } from "../../../shared/result.ts";

/** Code -> what it means, for people. */
export const NETCONF_FAILURES = {
  "host-unreachable": "no connection to the host",
  "wrong-host-key": "the host shows another SSH key than the pinned one: nothing was sent",
  "host-key-unknown": "no SSH key of the host is pinned: nothing was sent",
  "login-refused": "the host refuses the login, or its files cannot be read",
  "no-netconf": "the host has no NETCONF over SSH, or speaks it wrongly",
  "no-such-model": "the host does not announce ietf-i2nsf-ikeless",
  "timed-out": "the host did not answer in time",
  closed: "the connection ended before the answer",
  refused: "the host answered <rpc-error>",
  "lock-denied": "somebody else holds the lock of the host's configuration",
  "too-large": "more changes than one edit may have",
} as const satisfies Record<string, string>;
export type NetconfCode = keyof typeof NETCONF_FAILURES;

/** RFC 6241 4.3: `<rpc-error>`, bounded and without what may be key. */
export interface RpcError {
  /** `data-exists`, `invalid-value` ... */
  readonly tag: string;
  readonly path: string | null;
  readonly message: string | null;
}

export interface NetconfFailure {
  readonly code: NetconfCode;
  /** For people, and for logs: holds no key. */
  readonly message: string;
  /** Of `refused` and `lock-denied`. */
  readonly error?: RpcError;
  /** Of `refused`: which of the changes is at fault, where the host says so. */
  readonly index?: number;
  /** Of `wrong-host-key` and `host-key-unknown`: what the host showed, `SHA256:...`. */
  readonly fingerprint?: string;
  /** Of `timed-out` and `closed`: it may have been done nevertheless, and the host could not be asked whether it was. */
  readonly isUncertain?: true;
}

type More = Omit<NetconfFailure, "code" | "message">;
export const failure = (code: NetconfCode, message: string, more: More = {}): NetconfFailure => ({
  code,
  message,
  ...more,
});
export const failed = (code: NetconfCode, message: string, more: More = {}): Result<never, NetconfFailure> =>
  err(failure(code, message, more));
