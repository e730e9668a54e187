/** What became of an operation, as the edge is told. */
import type { OperationResult } from "../../../shared/ipsec/errand.ts";
import type { EntryReason } from "../../../shared/ipsec/outcome.ts";
import type { NetconfCode, NetconfFailure } from "../netconf/failure.ts";

export const failed = (reason: EntryReason, message: string): OperationResult => ({ ok: false, reason, message });

const REASONS: Readonly<Record<NetconfCode, EntryReason>> = {
  "host-unreachable": "host-unreachable",
  "wrong-host-key": "wrong-host-key",
  "host-key-unknown": "wrong-host-key",
  "login-refused": "login-refused",
  "no-netconf": "host-refused",
  "no-such-model": "host-refused",
  "timed-out": "host-silent",
  closed: "host-silent",
  refused: "host-refused",
  "lock-denied": "host-refused",
  "too-large": "host-refused",
};

/**
 * Whatever it failed by: where the host may have it nevertheless, the edge has it deleted there.
 * Of the host's own words the client has taken out what may be key.
 */
export const ofHost = ({ code, message, error, isUncertain }: NetconfFailure): OperationResult =>
  failed(isUncertain === true ? "host-silent" : error?.tag === "data-exists" ? "exists" : REASONS[code], message);
