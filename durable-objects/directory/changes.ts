/** The Directory's writes: a new document, a revocation. Each one transaction, decided on what it finds there. */
import { BOOTSTRAP_OPERATOR } from "../../shared/auth/policy.ts";
import { principalName } from "../../shared/auth/principal.ts";
import type { AuditEvent } from "../../shared/audit/event.ts";
import { fail, fault, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { credentialChanges } from "../../shared/network/credential-changes.ts";
import { diffNetworks } from "../../shared/network/diff.ts";
import type { DirectoryRpc, Drain, PointerFault, Revocation } from "../../shared/network/directory-types.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { drainKey, hostingOf, pairsChanged, planDrains, relaysChanged } from "../../shared/network/drains.ts";
import { pairOfLink, revocationKey, revokedKeys } from "../../shared/network/lookup.ts";
import { modulesChanged } from "../../shared/network/module-config.ts";
import type { PoolView } from "../../shared/network/pool-config.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { someoneWritesNetwork } from "../../shared/network/rules.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { AuditOutbox } from "../storage/outbox.ts";
import { FIRST_POOL } from "./pool-store.ts";
import type { DirectoryStore } from "./store.ts";

export interface DirectoryParts {
  readonly store: DirectoryStore;
  readonly outbox: AuditOutbox;
  /** SHA-256 of the bootstrap token, lower case, where one is set. */
  readonly bootstrapSha256: string | undefined;
  readonly nowMs: () => number;
}

/** Is the bootstrap secret unused and within its hour? */
export function bootstrapOpen({ store, bootstrapSha256, nowMs }: DirectoryParts): boolean {
  return bootstrapSha256 !== undefined && (store.bootstrapUntilMs(bootstrapSha256) ?? 0) > nowMs();
}

export interface PutCall {
  readonly document: unknown;
  readonly ifMatch: number;
  /** `principalName` of who puts it. */
  readonly by: string;
}

const BOOTSTRAP_NAME = principalName(BOOTSTRAP_OPERATOR);

/** Could this document take the place of the one in force? */
export function validateNext(
  { store, nowMs }: DirectoryParts,
  document: unknown,
  previous: NetworkDocument,
): Result<NetworkDocument, Fault> {
  return validateNetwork(document, { previous, nowMs: nowMs(), revoked: revokedKeys(store.revocations()) });
}

/** Puts a document in force: all of it, or nothing and every fault. */
export function putNetwork(parts: DirectoryParts, call: PutCall): Result<{ readonly version: number }, Fault> {
  const { store, outbox, bootstrapSha256 } = parts;
  return store.transaction(() => {
    const { documentVersion } = store.head();
    const isBootstrap = call.by === BOOTSTRAP_NAME;
    if (isBootstrap && !bootstrapOpen(parts)) return fail("forbidden", "the bootstrap token is used up or too old");
    if (call.ifMatch !== documentVersion) {
      return fail("precondition-failed", `the network is at version ${documentVersion}, not ${call.ifMatch}`, [
        { version: documentVersion },
      ]);
    }
    const before = store.view();
    const valid = validateNext(parts, call.document, before.document);
    if (!valid.ok) return valid;
    if (outbox.full() && before.document.policy.audit_overflow === "refuse") return AUDIT_FULL;
    const nowMs = parts.nowMs();
    const drains = applyDrains(store, before, valid.value, nowMs);
    if (!drains.ok) return drains;

    const version = documentVersion + 1;
    store.putDocument(version, valid.value, nowMs, call.by);
    if (isBootstrap && bootstrapSha256 !== undefined) store.closeBootstrap(bootstrapSha256, nowMs);
    const after: PoolView = { sequence: store.bump(), document: valid.value, drains: drains.value };
    for (const [pair, shards] of pairsChanged(before, after)) {
      store.putErrand({ kind: "refresh", pair, shards, sequence: after.sequence }, nowMs);
    }
    const relays = relaysChanged(before, after);
    for (const node of relays === "all" ? [null] : relays) {
      store.putErrand({ kind: "relays", node, from: FIRST_POOL, sequence: after.sequence }, nowMs);
    }
    for (const [link, node] of modulesChanged(before.document, after.document)) {
      store.putErrand({ kind: "module", link, node, sequence: after.sequence }, nowMs);
    }
    auditPut(parts, call.by, before.document, after.document, { version, bootstrap: isBootstrap });
    return ok({ version });
  });
}

/** What was changed, in brief, and every credential that came or went. */
function auditPut(
  parts: DirectoryParts,
  who: string,
  before: NetworkDocument,
  after: NetworkDocument,
  detail: AuditEvent["detail"],
): void {
  const changes = diffNetworks(before, after);
  const what = changes.map(({ pointer, kind, id }) => `${SIGNS[kind]}${pointer.split("/")[1]}/${id}`).join(" ");
  const told = what.slice(0, LIMITS.auditChangesChars);
  audit(parts, { act: "network.put", who, detail: { ...detail, changes: changes.length, what: told } });
  for (const change of credentialChanges(before, after)) audit(parts, { ...change, who });
}

const SIGNS = { added: "+", removed: "-", changed: "~", moved: ">" } as const;

/** Opens and takes back drains; the drains then under way, or why the document cannot be taken. */
function applyDrains(
  store: DirectoryStore,
  before: PoolView,
  after: NetworkDocument,
  nowMs: number,
): Result<readonly Drain[], Fault> {
  const tooFew = shardsBelowDraining(after, before.drains);
  if (tooFew.length > 0)
    return fail("bad-request", "a link that still drains cannot come back with fewer shards", tooFew);
  const elsewhere = hostedOtherwise(after, before.drains);
  if (elsewhere.length > 0)
    return fail("bad-request", "a node that still drains cannot come back hosted by another deployment", elsewhere);
  const plan = planDrains(before, after, nowMs);
  const total = before.drains.length - plan.cancelled.length + plan.opened.length;
  if (total > LIMITS.drains) {
    return fail(
      "conflict",
      `${total} SAEs, nodes and links would drain at once, more than ${LIMITS.drains}: wait for some to end`,
    );
  }
  for (const key of plan.cancelled) store.dropDrain(key);
  for (const drain of plan.opened) store.openDrain(drain);
  const ended = new Set([...plan.cancelled, ...plan.opened.map((drain) => drainKey(drain))]);
  return ok([...before.drains.filter((drain) => !ended.has(drainKey(drain))), ...plan.opened]);
}

/** The rule of `shardsKept`, for links that were removed but still hold keys. */
function shardsBelowDraining(document: NetworkDocument, drains: readonly Drain[]): PointerFault[] {
  const draining = new Map(drains.flatMap((d) => (d.kind === "pair" ? [[d.pair, d.config.shards] as const] : [])));
  return document.links.flatMap((link, index) => {
    const shards = Math.min(draining.get(pairOfLink(link)) ?? 0, LIMITS.shards);
    return link.shards >= shards ? [] : [{ pointer: `/links/${index}/shards`, message: `at least ${shards}` }];
  });
}

/** The rule of `hostingKept`, for nodes that were removed but whose keys still drain. */
function hostedOtherwise(document: NetworkDocument, drains: readonly Drain[]): PointerFault[] {
  const draining = new Map(drains.flatMap((drain) => hostingOf(drain).map(({ node, isRemote }) => [node, isRemote])));
  return document.nodes.flatMap(({ id, remote }, index) => {
    const wasRemote = draining.get(id);
    if (wasRemote === undefined || wasRemote === (remote !== undefined)) return [];
    const where = wasRemote ? "as a node of another deployment" : "as a node hosted here";
    return [{ pointer: `/nodes/${index}/remote`, message: `it still drains ${where}: wait until that has ended` }];
  });
}

const REVOCABLE = {
  certificate: { form: /^[0-9a-f]{64}$/, message: "the certificate's SHA-256 fingerprint: 64 lower-case hex digits" },
  token: { form: /^[0-9a-f]{64}$/, message: "the token's SHA-256: 64 lower-case hex digits" },
  principal: {
    form: /^(?:sae|node|agent|legacy|kms|kms-user|controller|operator):.{1,256}$/su,
    message: "a principal, as in sae:sae-a",
  },
} as const;

export type RevokeCall = Parameters<DirectoryRpc["revoke"]>[0];

/** Adds to the list of revocations; what is on it already stays as it is. */
export function revoke(parts: DirectoryParts, { force = false, ...call }: RevokeCall): Result<Revocation, Fault> {
  const { store, outbox } = parts;
  const { form, message } = REVOCABLE[call.kind];
  if (!form.test(call.value)) return fail("bad-request", `value: ${message}`, [{ pointer: "/value", message }]);
  if (call.reason.length > LIMITS.revocationReasonChars) {
    return fail("bad-request", `reason: at most ${LIMITS.revocationReasonChars} characters`);
  }
  return store.transaction(() => {
    const known = store.revocation(call.kind, call.value);
    if (known !== undefined) return ok(known);
    if (store.revocationCount() >= LIMITS.revocations) {
      return fail("conflict", `the list of revocations is full: ${LIMITS.revocations} entries`);
    }
    if (!force && locksOperatorsOut(parts, call)) return LAST_OPERATOR;
    if (outbox.full() && store.view().document.policy.audit_overflow === "refuse") return AUDIT_FULL;
    const revocation: Revocation = { ...call, atMs: parts.nowMs() };
    store.addRevocation(revocation);
    store.bump();
    const { kind, value, reason, by } = call;
    audit(parts, { act: "credential.revoke", who: by, detail: { kind, value, reason } });
    return ok(revocation);
  });
}

/** Can somebody write the network now, and nobody once this is revoked? */
function locksOperatorsOut({ store, nowMs }: DirectoryParts, { kind, value }: RevokeCall): boolean {
  const { operators } = store.view().document;
  const revoked = revokedKeys(store.revocations());
  const inForce = { nowMs: nowMs(), revoked };
  const then = { ...inForce, revoked: new Set([...revoked, revocationKey(kind, value)]) };
  return someoneWritesNetwork(operators, inForce) && !someoneWritesNetwork(operators, then);
}

const LAST_OPERATOR = fail(
  "conflict",
  "this is the last credential by which an operator can write the network: give an operator another one first, or revoke it with force",
);
const AUDIT_FULL = err(fault("audit-full", "the audit log is behind: nothing is changed before it catches up"));

/** Writes an event; with the outbox full (and the caller not refused) it is counted as dropped. */
export function audit(parts: DirectoryParts, event: Omit<AuditEvent, "atMs" | "node">): void {
  const events = [{ ...event, atMs: parts.nowMs(), node: DEPLOYMENT_LOG }];
  parts.outbox.recordOrDrop(events);
}
