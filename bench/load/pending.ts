/** Keys that stay pending, and fetching them later in random order. */
import { checkRepeats } from "./checks.ts";
import { connect } from "./connection.ts";
import { keysOf } from "./containers.ts";
import type { FetchJob, LoadResult, TakeJob } from "./jobs.ts";
import { TakenKeys } from "./taken-keys.ts";
import { DONE, runWorkers } from "./workers.ts";

const takenByName = new Map<string, TakenKeys>();

export async function take(job: TakeJob): Promise<LoadResult> {
  const { name, master, connections, requests, keysPerRequest, sizeBits } = job;
  const taken = takenByName.get(name) ?? new TakenKeys(sizeBits);
  takenByName.set(name, taken);
  const containers: string[] = [];
  let left = requests;
  const workers = Array.from({ length: connections }, () => {
    const connection = connect(master);
    const step = async () => {
      if (left-- <= 0) return DONE;
      const enc = await connection.request("GET", `/enc_keys?number=${keysPerRequest}&size=${sizeBits}`);
      if (enc.status !== 200) return `enc_keys answered ${enc.status}: ${enc.body.slice(0, 200)}`;
      containers.push(enc.body);
      for (const { key_ID, key } of keysOf(enc.body)) taken.add(key_ID, key);
      return null;
    };
    return { step, close: () => connection.close() };
  });
  const ran = await runWorkers(workers, {});
  const checkedKeys = checkRepeats(containers, sizeBits, ran.problems);
  return { ...ran, keysPerS: ran.perS * keysPerRequest, checkedKeys };
}

export async function fetch({ name, slave, connections, keys, isFirst }: FetchJob): Promise<LoadResult> {
  const taken = takenByName.get(name);
  let left = keys;
  const workers = Array.from({ length: connections }, () => {
    const connection = connect(slave);
    const step = async () => {
      if (left-- <= 0) return DONE;
      const wanted = taken?.take(Math.random());
      if (wanted === undefined) return "no key is left to be fetched";
      const dec = await connection.request("GET", `/dec_keys?key_ID=${wanted.id}`);
      if (dec.status !== 200) return `dec_keys answered ${dec.status}: ${dec.body.slice(0, 200)}`;
      const [key, ...more] = keysOf(dec.body);
      const isIt = key?.key_ID === wanted.id && key.key === wanted.key && more.length === 0;
      return isIt ? null : "the two ends got unequal keys";
    };
    const open = async () => {
      const { status } = await connection.request("GET", "/status");
      return status === 200 ? null : `status answered ${status}`;
    };
    return { ...(isFirst ? {} : { prepare: open }), step, close: () => connection.close() };
  });
  const ran = await runWorkers(workers, {});
  return { ...ran, keysPerS: ran.perS, checkedKeys: 0 };
}
