/** The client library, as `qkd doctor client` drives a client; `pause` lets time pass. */
import type { Ask, Drive } from "../../cli/doctor/client/ask.ts";
import type { Certificates } from "../../cli/doctor/client/certificates.ts";
import { fetchWith } from "../../cli/lib/tls-fetch.ts";
import { Etsi014Client, QkdError } from "../../client/index.ts";
import { defined } from "../../shared/records.ts";

export const ownClient =
  (baseUrl: string, { ca, client }: Certificates, pause: (ms: number) => void): Drive =>
  async (ask) => {
    const fetch = fetchWith({ ca, ...client });
    try {
      await call(new Etsi014Client({ baseUrl, fetch, pause: async (ms) => pause(ms) }), ask);
      return { how: "done", words: "it has what it asked for", output: "" };
    } catch (error) {
      if (!(error instanceof QkdError)) throw error;
      return { how: "error", words: error.name, output: error.message };
    }
  };

async function call(kme: Etsi014Client, { call: name, peer, keyIds = [], ...ask }: Ask): Promise<unknown> {
  if (name === "status") return await kme.status(peer);
  if (name === "dec_keys") return await kme.getKeyWithIds(peer, keyIds);
  const { number: count, sizeBits, slaves: additionalSlaves, mandatory, optional } = ask;
  const wish = defined({ count, sizeBits, additionalSlaves, mandatory, optional });
  return await kme.getKey(peer, wish as Parameters<Etsi014Client["getKey"]>[1]);
}
