/**
 * Round trips. Answers are compared as they come (one string comparison); IDs and keys are checked for repeats after
 * the clock has stopped.
 */
import { checkRepeats } from "./checks.ts";
import { connect, type Connection } from "./connection.ts";
import { keyIdsOf, sameKeys } from "./containers.ts";
import type { LoadResult, RoundTripsJob } from "./jobs.ts";
import { DONE, runWorkers } from "./workers.ts";

/** Kept for the check afterwards; a longer run is checked up to here. */
const KEPT_CHARS = 192 * 1024 * 1024;

export async function roundTrips(job: RoundTripsJob): Promise<LoadResult> {
  const containers: string[] = [];
  let keptChars = 0;
  const keep = (container: string): void => {
    if (keptChars >= KEPT_CHARS) return;
    containers.push(container);
    keptChars += container.length;
  };
  let left = "roundTrips" in job.length ? job.length.roundTrips : Infinity;
  const workers = Array.from({ length: job.connections }, () => {
    const [master, slave] = [connect(job.master), connect(job.slave)];
    const trip = async () => await roundTrip(job, master, slave, keep);
    return {
      // Making connections is not what is measured: the first trip comes before the clock, where a clock decides.
      ...("roundTrips" in job.length ? {} : { prepare: trip }),
      step: async () => (left-- > 0 ? await trip() : DONE),
      close: () => [master, slave].forEach((connection) => connection.close()),
    };
  });
  const ran = await runWorkers(workers, "roundTrips" in job.length ? {} : job.length);
  // Containers of the server that does nothing are kept like the others, so that the tool does the same work for both.
  const checkedKeys = job.keysAreUnique ? checkRepeats(containers, job.sizeBits, ran.problems) : 0;
  return { ...ran, keysPerS: ran.perS * job.keysPerRequest, checkedKeys };
}

async function roundTrip(
  { keysPerRequest, sizeBits }: RoundTripsJob,
  master: Connection,
  slave: Connection,
  keep: (container: string) => void,
): Promise<string | null> {
  const enc = await master.request("GET", `/enc_keys?number=${keysPerRequest}&size=${sizeBits}`);
  if (enc.status !== 200) return `enc_keys answered ${enc.status}: ${enc.body.slice(0, 200)}`;
  const ids = keyIdsOf(enc.body);
  if (ids.length !== keysPerRequest) return `enc_keys gave ${ids.length} keys instead of ${keysPerRequest}`;
  const dec =
    ids.length === 1
      ? await slave.request("GET", `/dec_keys?key_ID=${ids[0]}`)
      : await slave.request("POST", "/dec_keys", `{"key_IDs":[{"key_ID":"${ids.join('"},{"key_ID":"')}"}]}`);
  if (dec.status !== 200) return `dec_keys answered ${dec.status}: ${dec.body.slice(0, 200)}`;
  if (!sameKeys(enc.body, dec.body)) return "the two ends got unequal keys";
  keep(enc.body);
  return null;
}
