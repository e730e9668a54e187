/** The two applications of the bench's sessions, and how they name each other. Pure. */

export interface End {
  readonly sae: string;
  readonly node: string;
  readonly site: string;
  /** Of the node. */
  readonly uuid: string;
}

export const INITIATOR: End = {
  sae: "sae-a",
  node: "tn-1",
  site: "site-a",
  uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
};
export const RESPONDER: End = {
  sae: "sae-c",
  node: "tn-2",
  site: "site-b",
  uuid: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
};
export const LINK = "tn-1-tn-2";
export const CHUNK_BYTES = 32;

const METHOD = "qkdedge-hkdf-v1";

/**
 * Of OPEN_CONNECT, the same at both ends.
 * @param kems QKD comes besides
 * @param interfaceNumber those who open at once have one each: who meets whom is by the texts
 */
export function openData(kems: readonly string[], interfaceNumber: number) {
  const query = `hybridization=${METHOD}&key_sources=${[...kems, "QKD"].join(",")}`;
  const uriOf = ({ uuid }: End): string => `hybrid://SPI_${interfaceNumber}@${uuid}?${query}`;
  return {
    source: uriOf(INITIATOR),
    destination: uriOf(RESPONDER),
    qos: {
      key_chunk_size: CHUNK_BYTES,
      max_bps: 0,
      min_bps: 0,
      jitter: 0,
      priority: 0,
      timeout: 60_000,
      ttl: 0,
      metadata_mimetype: "application/json",
    },
  };
}

/** What the metadata of such a key has to say. */
export const isMixedOf = (metadata: unknown, kems: readonly string[]): boolean => {
  const { method, sources, confirmed } = metadata as Readonly<Record<string, unknown>>;
  return method === METHOD && confirmed === true && JSON.stringify(sources) === JSON.stringify([...kems, "QKD"]);
};
