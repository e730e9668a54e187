/**
 * Callers that were refused, into the deployment's audit log: of each kind (who, what, why) one event a minute, with how
 * many there were since the last. No client can fill the log.
 */
import type { AuditEvent, AuditLogRpc } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";

/** So many kinds are kept apart of callers who are known, and of those who are not; the rest is one. */
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
  /** Apart, so that nobody hides by noise what somebody known has tried. */
  readonly #known = new Map<string, Kind>();
  readonly #unknown = new Map<string, Kind>();

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** @returns the event that is due; null: it is only counted */
  note(refusal: Refusal): AuditEvent | null {
    const nowMs = this.#nowMs();
    const name = Object.values(refusal).join("\n");
    const kinds = refusal.who === OTHERS.who ? this.#unknown : this.#known;
    const isKept = kinds.has(name) || kinds.size < MAX_KINDS || forget(kinds, nowMs);
    const { who, ...detail } = isKept ? refusal : OTHERS;
    const key = isKept ? name : "";
    const kind = kinds.get(key) ?? { nextMs: nowMs, times: 0 };
    kinds.set(key, kind);
    kind.times += 1;
    if (nowMs < kind.nextMs) return null;
    const { times } = kind;
    kind.nextMs = nowMs + LIMITS.refusalAuditMs;
    kind.times = 0;
    return { atMs: nowMs, act: "access.refused", who, node: DEPLOYMENT_LOG, detail: { ...detail, times } };
  }
}

/** Kinds whose minute is over; what is left to be told of them is counted with the rest. @returns whether there is room now */
function forget(kinds: Map<string, Kind>, nowMs: number): boolean {
  const rest = kinds.get("") ?? { nextMs: nowMs, times: 0 };
  for (const [name, { nextMs, times }] of kinds) {
    if (name === "" || nextMs > nowMs) continue;
    kinds.delete(name);
    rest.times += times;
  }
  if (rest.times > 0) kinds.set("", rest);
  return kinds.size < MAX_KINDS;
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
