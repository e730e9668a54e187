/**
 * Changes that arrive once, though connections break: what was under way when one was lost is looked for in the host's
 * configuration, and only what is missing is sent again.
 */
import { LIMITS } from "../../../shared/limits.ts";
import { ok } from "../../../shared/result.ts";
import type { NetconfFailure } from "./failure.ts";
import type { NetconfLink } from "./link.ts";
import type { Change } from "./netconf-host.ts";
import { Progress, type Tried } from "./progress.ts";
import { readEntries } from "./read-back.ts";
import type { NetconfSession } from "./session.ts";
import { edit, type Outcome, releaseLock, takeBack, takeLock, targetOf } from "./transaction.ts";

type Try = (session: NetconfSession, progress: Progress) => Promise<readonly Tried[]>;

export async function installAll(link: NetconfLink, changes: readonly Change[]): Promise<Outcome> {
  const outcomes = await install(link, changes, together);
  return outcomes.find((outcome) => !outcome.ok) ?? ok(null);
}

/** @returns in the order of the changes. Of a failure the index is that of its own change. */
export const installEach = (link: NetconfLink, changes: readonly Change[]): Promise<readonly Outcome[]> =>
  install(link, changes, oneByOne);

async function install(link: NetconfLink, changes: readonly Change[], attempt: Try): Promise<readonly Outcome[]> {
  const progress = new Progress(changes);
  for (let tries = 0; tries < LIMITS.netconfEditAttempts && progress.todo.length > 0; tries++) {
    const failure = await once(link, progress, attempt);
    if (failure === null) continue;
    progress.failed(failure);
    break;
  }
  return progress.outcomes;
}

/** @returns why it is of no use to try again; null: it may be */
async function once(link: NetconfLink, progress: Progress, attempt: Try): Promise<NetconfFailure | null> {
  const opened = await link.session();
  if (!opened.ok) return opened.error;
  const denied = await takeLock(opened.value, link.signal);
  if (denied !== null) {
    progress.failed(denied);
    return opened.value.isOpen ? denied : null;
  }
  const tried = await attempt(opened.value, progress);
  releaseLock(opened.value);
  const unknown = tried.filter((each) => progress.take(each));
  return unknown.length === 0 ? null : lookFor(link, progress, unknown);
}

async function lookFor(
  link: NetconfLink,
  progress: Progress,
  unknown: readonly Tried[],
): Promise<NetconfFailure | null> {
  const opened = await link.session();
  if (!opened.ok) return opened.error;
  for (const { attempt } of unknown) {
    const taken = await takeBack(opened.value, attempt);
    if (!taken.ok) return taken.error;
  }
  const of = unknown.flatMap((each) => each.of);
  const entries = progress.changesOf(of).map(({ entry }) => entry);
  const read = await readEntries(opened.value, entries);
  if (!read.ok) return read.error;
  progress.found(of, read.value);
  return null;
}

const together: Try = async (session, progress) => {
  const of = progress.todo;
  return [{ of, attempt: await edit(session, progress.changesOf(of)) }];
};

/** Of `running` several edits are under way at once; a candidate is committed after each. */
const oneByOne: Try = async (session, progress) => {
  const { todo } = progress;
  const tried: Tried[] = [];
  const atOnce = targetOf(session) === "candidate" ? 1 : LIMITS.netconfEditsAtOnce;
  for (let at = 0; at < todo.length && session.isOpen; at += atOnce) {
    const some = todo.slice(at, at + atOnce).map(async (index) => {
      const of = [index];
      return { of, attempt: await edit(session, progress.changesOf(of)) };
    });
    tried.push(...(await Promise.all(some)));
  }
  return tried;
};
