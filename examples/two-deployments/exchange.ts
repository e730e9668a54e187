/** Keys of two SAEs by ETSI GS QKD 014, each at its own deployment. */
import { setTimeout as sleep } from "node:timers/promises";
import { StartFailure } from "../../scripts/start/failure.ts";

/** For the first key the link has to be fed, and its nodes to have heard of each other. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 200;

export interface Sae {
  readonly sae: string;
  readonly edge: string;
  readonly token: string;
}

interface Container {
  readonly keys: readonly { readonly key_ID: string; readonly key: string }[];
}

const ask = async ({ edge, token }: Sae, path: string, body: object): Promise<Response> =>
  await fetch(`${edge}/api/v1/keys/${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

/** @returns the IDs of keys that both have; null where it was to stop before */
export async function exchange(master: Sae, slave: Sae, stop: AbortSignal): Promise<readonly string[] | null> {
  const untilMs = performance.now() + PATIENCE_MS;
  let given = await ask(master, `${slave.sae}/enc_keys`, {});
  while (given.status !== 200) {
    const said = await given.text();
    if (stop.aborted) return null;
    if (performance.now() > untilMs) throw new StartFailure(`${master.sae} gets no key: ${given.status} ${said}`);
    await sleep(RETRY_MS);
    given = await ask(master, `${slave.sae}/enc_keys`, {});
  }
  const { keys } = (await given.json()) as Container;
  const key_IDs = keys.map(({ key_ID }) => ({ key_ID }));
  const fetched = await ask(slave, `${master.sae}/dec_keys`, { key_IDs });
  if (fetched.status !== 200) throw new StartFailure(`${slave.sae} gets no key: ${await fetched.text()}`);
  const theirs = (await fetched.json()) as Container;
  const areEqual = JSON.stringify(theirs.keys) === JSON.stringify(keys);
  if (!areEqual) throw new StartFailure(`${master.sae} and ${slave.sae} have different keys`);
  return keys.map(({ key_ID }) => key_ID);
}
