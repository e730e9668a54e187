/** Changes of a host's configuration, all or none: by its candidate (RFC 6241 8.3) where it has one, or by its `running`. */
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import {
  cancelCommit,
  commit,
  commitForGood,
  commitForNow,
  type Datastore,
  discard,
  editConfig,
  joined,
  lock,
  unlock,
} from "./edits.ts";
import { failed, failure, type NetconfFailure } from "./failure.ts";
import type { Change } from "./netconf-host.ts";
import { isGoneAlready, isLocked, isPending, refusal } from "./refusal.ts";
import type { NetconfSession, RpcResult } from "./session.ts";

export type Outcome = Result<null, NetconfFailure>;

/** What became of the changes that went in one edit. */
export interface Attempt {
  readonly outcome: Outcome;
  /** It may have been done, whatever the outcome says of the connection. */
  readonly wasSent: boolean;
  /** Of a commit that was to be confirmed, and whose confirmation the host has perhaps not had. */
  readonly commitId?: string;
}

const unsent = (reason: NetconfFailure): Attempt => ({ outcome: err(reason), wasSent: false });
const DONE: Attempt = { outcome: ok(null), wasSent: true };

/**
 * Of each commit that is to be confirmed (8.4.5.1), and always the same: whoever comes after an agent that ended before the
 * second word takes the first one back by it, where everybody else would wait until its time is over.
 */
const COMMIT_ID = "qkd-edge";

/** One whose answers are those of the lock's holder. */
export const targetOf = (session: NetconfSession): Datastore =>
  session.capabilities.isCandidate ? "candidate" : "running";

/** @returns null: it is held now, or the host has none for `running` */
export async function takeLock(session: NetconfSession, signal: AbortSignal): Promise<NetconfFailure | null> {
  const target = targetOf(session);
  for (let attempt = 1; ; attempt++) {
    const answer = await session.rpc(lock(target));
    if (!answer.ok) return answer.error;
    const { faults } = answer.value;
    if (faults.length === 0) return null;
    if (!isLocked(faults)) return target === "running" ? null : refusal(faults);
    if (attempt === LIMITS.netconfLockAttempts || signal.aborted)
      return failure("lock-denied", refusal(faults).message);
    if (isPending(faults) && session.capabilities.isPersistent) await session.rpc(cancelCommit(COMMIT_ID));
    else await sleep(LIMITS.netconfLockPauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Not waited for: requests are answered in their order, and a session that ends gives its locks back (7.5). */
export const releaseLock = (session: NetconfSession): void => void session.rpc(unlock(targetOf(session)));

/** The lock is held. */
export async function edit(session: NetconfSession, changes: readonly Change[]): Promise<Attempt> {
  const { capabilities } = session;
  const target = targetOf(session);
  if (target === "running" && !capabilities.isWritableRunning)
    return unsent(failure("refused", "the host has neither a candidate configuration nor one that can be written"));
  const config = joined(changes, capabilities.version);
  if (!config.ok) return unsent(failure("too-large", config.error));
  const [before, after] = editConfig(target, capabilities);
  const answering = session.rpc(before, config.value, after);
  config.value.fill(0); // the request has a copy
  const answer = await answering;
  if (!answer.ok) return { outcome: answer, wasSent: target === "running" };
  const { faults } = answer.value;
  if (faults.length > 0 && !isGoneAlready(faults, changes)) return refused(session, refusal(faults, changes), changes);
  return target === "running" ? DONE : committed(session, changes);
}

/** What was refused has changed nothing, if the host keeps its word. */
async function refused(session: NetconfSession, reason: NetconfFailure, changes: readonly Change[]): Promise<Attempt> {
  if (targetOf(session) === "candidate") {
    await forget(session);
    return { outcome: err(reason), wasSent: false };
  }
  const isWhole = session.capabilities.isRollbackOnError || changes.length === 1;
  return { outcome: err(isWhole ? reason : { ...reason, isUncertain: true }), wasSent: false };
}

/**
 * A commit validates what it commits (8.3.4.1), so that no `<validate>` comes before it: after one, yuma123's netconfd 2.13
 * answers `<ok/>` to the commit and commits nothing.
 */
async function committed(session: NetconfSession, changes: readonly Change[]): Promise<Attempt> {
  const { isConfirmedCommit, isPersistent } = session.capabilities;
  // Without `persist` only the session that began it can confirm it or take it back: if that is lost, nobody knows.
  if (!isConfirmedCommit || !isPersistent) return ended(session, await session.rpc(commit), changes);
  const commitId = COMMIT_ID;
  const begun = await session.rpc(commitForNow(commitId));
  if (!begun.ok) return { outcome: begun, wasSent: true, commitId };
  if (begun.value.faults.length > 0) return ended(session, begun, changes);
  const confirmed = await session.rpc(commitForGood(commitId));
  if (!confirmed.ok) return { outcome: confirmed, wasSent: true, commitId };
  if (confirmed.value.faults.length === 0) return DONE;
  await session.rpc(cancelCommit(commitId));
  return ended(session, confirmed, changes);
}

async function ended(session: NetconfSession, answer: RpcResult, changes: readonly Change[]): Promise<Attempt> {
  if (!answer.ok) return { outcome: answer, wasSent: true };
  const { faults } = answer.value;
  if (faults.length === 0) return DONE;
  await forget(session);
  return unsent(refusal(faults, changes));
}

/** Where that fails the session ends: the candidate of a lock's holder goes with it (8.3.5.2). */
async function forget(session: NetconfSession): Promise<void> {
  const answer = await session.rpc(discard);
  if (answer.ok && answer.value.faults.length > 0)
    session.destroy("the candidate configuration could not be discarded");
}

/** What the attempt before it may have left half-way: the host takes it back, or has it done already. */
export async function takeBack(session: NetconfSession, { commitId }: Attempt): Promise<Outcome> {
  if (commitId === undefined) return ok(null);
  const answer = await session.rpc(cancelCommit(commitId));
  // A commit of that name that is not there any more was confirmed, or its time is over: it can be seen which.
  return answer.ok ? ok(null) : failed(answer.error.code, answer.error.message);
}
