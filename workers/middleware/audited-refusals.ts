/**
 * Callers that were refused, into the deployment's audit log: of each kind (who, what, why) one event a minute, with how
 * many there were since the last. No client can fill the log.
 */
import type { AuditEvent, AuditLogRpc } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";

/** So many kinds are kept apart; the rest is one. */
const MAX_KINDS = 256;
const OTHERS = { who: "unknown", operation: "others", code: "others", reason: "others" };

export interface Refusal {
  /** `principalName`; `unknown` of who has not shown to be anybody. */
  readonly who: string;
  /** Of the contract. */
  readonly operation: string;
  readonly code: string;
  /** In our own words, never a caller's. */
  readonly reason: string;
}

interface Kind {
  nextMs: number;
  times: number;
}

export class AuditedRefusals {
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, Kind>();

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** @returns the event that is due; null: it is only counted */
  note(refusal: Refusal): AuditEvent | null {
    const nowMs = this.#nowMs();
    const name = Object.values(refusal).join("\n");
    const isKept = this.#kinds.has(name) || this.#kinds.size < MAX_KINDS || this.#forget(nowMs);
    const { who, ...detail } = isKept ? refusal : OTHERS;
    const key = isKept ? name : "";
    const kind = this.#kinds.get(key) ?? { nextMs: nowMs, times: 0 };
    this.#kinds.set(key, kind);
    kind.times += 1;
    if (nowMs < kind.nextMs) return null;
    const { times } = kind;
    kind.nextMs = nowMs + LIMITS.refusalAuditMs;
    kind.times = 0;
    return { atMs: nowMs, act: "access.refused", who, node: DEPLOYMENT_LOG, detail: { ...detail, times } };
  }

  /** Kinds with nothing left to be told. @returns whether there is room now */
  #forget(nowMs: number): boolean {
    for (const [name, { nextMs, times }] of this.#kinds) {
      if (times === 0 && nextMs <= nowMs) this.#kinds.delete(name);
    }
    return this.#kinds.size < MAX_KINDS;
  }
}

/** This isolate's. */
const refusals = new AuditedRefusals();

interface Reach {
  readonly env: { readonly AUDIT_LOG: { getByName(name: string): Pick<AuditLogRpc, "note"> } };
  readonly context: Pick<ExecutionContext, "waitUntil">;
}

/** The caller's answer does not wait for it. */
export function auditRefusal({ env, context }: Reach, refusal: Refusal): void {
  const event = refusals.note(refusal);
  if (event !== null) context.waitUntil(tell(env, event));
}

/** A log that does not answer, or is of a release that has no such method, does without: the Worker's own log has it. */
async function tell(env: Reach["env"], event: AuditEvent): Promise<void> {
  try {
    await env.AUDIT_LOG.getByName(DEPLOYMENT_LOG).note([event]);
  } catch {
    return;
  }
}
