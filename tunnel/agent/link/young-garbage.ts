/**
 * What passes through an agent lies in buffers outside V8's heap, tens of kilobytes behind an object of a hundred bytes. V8
 * frees such a buffer when it next collects its object; but the young objects' space is megabytes, which is gigabytes of
 * buffers. Long before it is full the memory outside has V8 mark the whole heap, many times a second, at half of the
 * agent's CPU time; soonest where the process has rested, as V8 then lets its heap grow by a few megabytes only. So the
 * young ones are collected by what has passed: a quarter of a millisecond each time.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LIMITS } from "../../../shared/limits.ts";

type Collect = (options: { readonly type: "minor" }) => void;

function collector(): Collect | undefined {
  setFlagsFromString("--expose-gc");
  // There only: what runs in this process otherwise does not get it.
  const collect: unknown = runInNewContext("typeof gc === 'function' ? gc : undefined");
  return collect as Collect | undefined;
}

let collect: Collect | undefined | null = null;
let passedBytes = 0;

/** Notes that so much has come in or goes out. */
export function passed(bytes: number): void {
  passedBytes += bytes;
  if (passedBytes < LIMITS.agentCollectBytes) return;
  passedBytes = 0;
  collect ??= collector();
  collect?.({ type: "minor" });
}
