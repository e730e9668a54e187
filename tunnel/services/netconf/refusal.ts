/** `<rpc-error>` (RFC 6241 4.3) as a failure that names what is at fault. */
import { failure, type NetconfFailure } from "./failure.ts";
import type { RpcFault } from "./messages.ts";
import type { Change } from "./netconf-host.ts";

const LOCKED: ReadonlySet<string> = new Set(["lock-denied", "in-use"]);
export const isLocked = (faults: readonly RpcFault[]): boolean => faults.some(({ tag }) => LOCKED.has(tag));

/** Because of a commit that has not been confirmed (7.5, 8.4). */
export const isPending = (faults: readonly RpcFault[]): boolean => faults.some(({ tag }) => tag === "in-use");

/** @param changes those of the edit that was refused */
export function refusal(faults: readonly RpcFault[], changes: readonly Change[] = []): NetconfFailure {
  const [first] = faults;
  if (first === undefined) throw new Error("nothing was refused");
  const { tag, path, message } = first;
  const words = [tag, message === null ? "" : `: ${message}`, path === null ? "" : ` (at ${path})`].join("");
  const index = faultIndex(faults, changes);
  return failure(isLocked(faults) ? "lock-denied" : "refused", words, {
    error: { tag, path, message },
    ...(index === null ? {} : { index }),
  });
}

/** A path names list entries by their keys: `.../sad-entry[name='out/1']`. */
function faultIndex(faults: readonly RpcFault[], changes: readonly Change[]): number | null {
  if (changes.length === 1) return 0;
  for (const { rawPath } of faults) {
    const named = changes.flatMap(({ entry: { kind, name } }, index) =>
      rawPath.includes(`${kind}-entry[`) && [`'${name}'`, `"${name}"`].some((quoted) => rawPath.includes(quoted))
        ? [index]
        : [],
    );
    const [index] = named;
    if (index !== undefined && named.length === 1) return index;
  }
  return null;
}

/** A `remove` of what was not there, for a server that knows `delete` only. */
export const isGoneAlready = (faults: readonly RpcFault[], changes: readonly Change[]): boolean =>
  changes.length === 1 && changes[0]?.operation === "remove" && faults.every(({ tag }) => tag === "data-missing");
