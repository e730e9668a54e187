/** How an agent is told that it is refused, and what the audit log is told of that. */
import { type ErrorCode, fault, HTTP_STATUS } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type RefusalCode, REFUSALS } from "../../shared/tunnel/messages.ts";
import { respondFault } from "./answers.ts";
import { audit, type HubParts, Seldom } from "./parts.ts";
import { auditMember, subjectOf, type Who } from "./who.ts";

interface Kind {
  /** At the door, where it is a fault like any other. */
  readonly error: ErrorCode;
  /** When trying again makes sense; null: not without a change. */
  readonly retryMs: number | null;
}

const KINDS: Readonly<Record<RefusalCode, Kind>> = {
  "not-enrolled": { error: "unauthorised", retryMs: null },
  "bad-signature": { error: "unauthorised", retryMs: null },
  "bad-message": { error: "bad-request", retryMs: null },
  stale: { error: "unauthorised", retryMs: 1000 },
  revoked: { error: "forbidden", retryMs: null },
  "wrong-site": { error: "forbidden", retryMs: null },
  "other-instance": { error: "conflict", retryMs: 60_000 },
  changed: { error: "conflict", retryMs: 100 },
  "too-many": { error: "rate-limited", retryMs: 60_000 },
  "too-much": { error: "rate-limited", retryMs: 10_000 },
  unavailable: { error: "unavailable", retryMs: 2000 },
};

/** What is said on a socket, before it is closed. */
export const refusedMessage = (code: RefusalCode) =>
  ({ type: "refused", code, message: REFUSALS[code], retryAfterMs: KINDS[code].retryMs }) as const;

/** What is said instead of a socket. RFC 9110 wants a challenge with 401: this is the scheme's name, and no more. */
export function refusedAnswer(code: RefusalCode): Response {
  const { error, retryMs } = KINDS[code];
  const challenge = HTTP_STATUS[error] === HTTP_STATUS.unauthorised ? { "WWW-Authenticate": "QKD-Agent" } : {};
  const retry = retryMs === null ? {} : { retryAfterSeconds: Math.ceil(retryMs / 1000) };
  return respondFault({ ...fault(error, REFUSALS[code], [{ refusal: code }]), ...retry }, challenge);
}

/** In the audit log: somebody who has not shown to be anybody. */
const UNPROVEN = "unknown";

/** Each is told of once in a while only: whoever comes again and again fills no log. */
export class Refusals {
  readonly #parts: HubParts;
  readonly #proven = new Seldom(LIMITS.tunnelRefusalAuditMs, LIMITS.tunnelRefusalSubjects);
  /** Apart, so that nobody who proves nothing pushes out what is told of others. Their subjects are the codes. */
  readonly #unproven = new Seldom(LIMITS.tunnelRefusalAuditMs, Object.keys(REFUSALS).length);

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** Of somebody who has shown who it is. */
  noteProven(code: RefusalCode, who: Who): void {
    const { nowMs, store, replan } = this.#parts;
    if (!this.#proven.isTime(`${code} ${subjectOf(who)}`, nowMs())) return;
    store.transaction(() => auditMember(this.#parts, "tunnel.refused", who, { code }));
    replan();
  }

  /**
   * Of somebody who has proved nothing. Whom it claims to be is no more than a detail; of each code one is told of, with
   * the number of those that were not.
   */
  noteUnproven(code: RefusalCode, { agent, site, instance }: Who): void {
    const { nowMs, store, replan } = this.#parts;
    const leftOut = this.#unproven.leftOut(code, nowMs());
    if (leftOut === null) return;
    const claimed = { claimed_agent: agent, claimed_site: site, claimed_instance: instance };
    store.transaction(() => audit(this.#parts, "tunnel.refused", UNPROVEN, { code, ...claimed, left_out: leftOut }));
    replan();
  }
}
