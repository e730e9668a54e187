/** All the keys a pool has, taken over ETSI 014 at both its ends. */
import https from "node:https";
import { httpsRequest } from "./front-bench.ts";
import type { RunningNetwork } from "./run-network.ts";

export interface End {
  readonly sae: string;
  readonly node: string;
}

const BATCH = 128;

/**
 * Takes keys of `sizeBits` as `master` until no whole batch (then no single one) is left, and each again as `slave`.
 * @throws Error where the two ends differ; the message holds no key
 */
export async function drainKeys(
  network: RunningNetwork,
  master: End,
  slave: End,
  sizeBits = 256,
): Promise<readonly Buffer[]> {
  const [ours, theirs] = [master, slave].map(({ sae }) => {
    const { ca, cert, key } = network.tls(sae);
    return new https.Agent({ ca, cert, key, keepAlive: true });
  });
  const drained: Buffer[] = [];
  try {
    for (let number = BATCH; number > 0;) {
      const query = `enc_keys?number=${number}&size=${sizeBits}`;
      const url = `${network.kme[master.node]}/api/v1/keys/${slave.sae}/${query}`;
      const enc = await httpsRequest(url, { agent: ours });
      if (enc.status === 503) {
        number = Math.floor(number / 2);
        continue;
      }
      const { keys } = JSON.parse(enc.body) as { keys: { key_ID: string; key: string }[] };
      const body = JSON.stringify({ key_IDs: keys.map(({ key_ID }) => ({ key_ID })) });
      const headers = { "content-type": "application/json", "content-length": body.length };
      const dec = await httpsRequest(
        `${network.kme[slave.node]}/api/v1/keys/${master.sae}/dec_keys`,
        { agent: theirs, method: "POST", headers },
        body,
      );
      if (dec.status !== 200) throw new Error(`dec_keys answered ${dec.status}`);
      if (dec.body !== enc.body) throw new Error("the two ends were given different keys");
      drained.push(...keys.map(({ key }) => Buffer.from(key, "base64")));
    }
  } finally {
    ours?.destroy();
    theirs?.destroy();
  }
  return drained;
}
