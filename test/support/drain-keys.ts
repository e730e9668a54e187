/** All the key a pool has, taken over ETSI 014 at both its ends. */
import https from "node:https";
import { httpsRequest } from "./front-bench.ts";
import type { RunningNetwork } from "./run-network.ts";

export interface End {
  readonly sae: string;
  readonly node: string;
}

const BATCH = 128;
/** Most of it is taken in keys of this size: there are fewer of them. */
const LONG_BITS = 4096;

/**
 * Takes keys as `master` until none of `sizeBits` is left, and each again as `slave`.
 * @param sizeBits a divisor of 4096
 * @returns what they hold, in pieces of `sizeBits`
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
    for (let [number, bits] = [BATCH, LONG_BITS]; number > 0;) {
      const query = `enc_keys?number=${number}&size=${bits}`;
      const url = `${network.kme[master.node]}/api/v1/keys/${slave.sae}/${query}`;
      const enc = await httpsRequest(url, { agent: ours });
      if (enc.status === 503) {
        number = Math.floor(number / 2);
        if (number === 0 && bits > sizeBits) [number, bits] = [BATCH, sizeBits];
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
      for (const { key } of keys) drained.push(...piecesOf(Buffer.from(key, "base64"), sizeBits / 8));
    }
  } finally {
    ours?.destroy();
    theirs?.destroy();
  }
  return drained;
}

const piecesOf = (key: Buffer, bytes: number): Buffer[] =>
  Array.from({ length: key.length / bytes }, (_, index) => key.subarray(index * bytes, (index + 1) * bytes));
