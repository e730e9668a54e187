/** Streams at edges: one end has the KSID allocated, the other joins, as ETSI GS QKD 004 V2.1.1 clause 6 begins. */
import type { Etsi004Client, OpenStream } from "../../client/index.ts";
import { type End, errorOf, type OpenStreams, type Opening } from "./ends.ts";
import { mixtureIn } from "../../shared/hybrid/mixture.ts";
import type { Template } from "./template.ts";

/** Room for the names of as many sources as there may be. */
const METADATA_CHARS = 1024;

/** @param clients of binding "json-tcp", which the templates are written for */
export function edgeEnds(clients: readonly [Etsi004Client, Etsi004Client]): OpenStreams {
  return async (template, count) =>
    await Promise.all(Array.from({ length: count }, async () => await openOne(clients, template)));
}

async function openOne([a, b]: readonly [Etsi004Client, Etsi004Client], { open }: Template): Promise<Opening> {
  const { source, destination, qos } = open;
  try {
    const stream = await a.openConnect({ source, destination, qos });
    try {
      const joined = await b.openConnect({ source, destination, qos, ksid: stream.ksid });
      const ends = [endOf(a, stream), endOf(b, joined)] as const;
      return { pair: { ksid: stream.ksid, chunkBytes: joined.qos.chunkBytes, ends } };
    } catch (error) {
      await a.close(stream).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    return { error: errorOf(error) };
  }
}

const endOf = (client: Etsi004Client, stream: OpenStream): End => ({
  getKey: async (index) => {
    const { key, metadata } = await client.getKey(stream, { index, metadataSize: METADATA_CHARS });
    return { key, mixture: mixtureIn(metadata) };
  },
  close: async () => await client.close(stream),
});
