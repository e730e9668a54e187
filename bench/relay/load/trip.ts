/** One key, taken at the one end and fetched at the other. */
import { type Connection, connectToEdge } from "../../load/connection.ts";
import { keyIdsOf, sameKeys } from "../../load/containers.ts";
import { type Ends, SIZE_BITS } from "./jobs.ts";

export interface Lane {
  readonly master: Connection;
  readonly slave: Connection;
  close(): void;
}

export function laneOf(ends: Ends): Lane {
  const [master, slave] = [connectToEdge(ends.master), connectToEdge(ends.slave)];
  const close = (): void => [master, slave].forEach((connection) => connection.close());
  return { master, slave, close };
}

/** `container`: with the key, as the one end got it, and the other end the same. `refused`: with 503. */
export type Trip =
  | { readonly outcome: "done"; readonly container: string; readonly encMs: number }
  | { readonly outcome: "refused"; readonly answer: string };

/** @throws Error where either end is answered anything else: no such answer holds key */
export async function makeTrip({ master, slave }: Lane): Promise<Trip> {
  const startMs = performance.now();
  const enc = await master.request("GET", `/enc_keys?number=1&size=${SIZE_BITS}`);
  const encMs = performance.now() - startMs;
  if (enc.status === 503) return { outcome: "refused", answer: enc.body.slice(0, 200) };
  if (enc.status !== 200) throw new Error(`enc_keys answered ${enc.status}: ${enc.body.slice(0, 200)}`);
  const [id, ...more] = keyIdsOf(enc.body);
  if (id === undefined || more.length > 0) throw new Error("enc_keys gave another number of keys than one");
  const dec = await slave.request("GET", `/dec_keys?key_ID=${id}`);
  if (dec.status !== 200) throw new Error(`dec_keys answered ${dec.status}: ${dec.body.slice(0, 200)}`);
  if (!sameKeys(enc.body, dec.body)) throw new Error("the two ends got unequal keys");
  return { outcome: "done", container: enc.body, encMs };
}

/** Makes both connections by questions that no pool is asked: they name no key. */
export async function open({ master, slave }: Lane): Promise<void> {
  for (const connection of [master, slave]) await connection.request("GET", "/dec_keys");
}

/** Makes both connections, and wakes whatever answers for the two ends. */
export async function wake({ master, slave }: Lane): Promise<void> {
  for (const connection of [master, slave]) {
    // One after the other: nobody else is to be kept waiting by it.
    const { status, body } = await connection.request("GET", "/status");
    if (status !== 200) throw new Error(`status answered ${status}: ${body.slice(0, 200)}`);
  }
}
