/** A QKD link: two KMEs that give its keys by ETSI GS QKD 014, each to the one SAE at its end: a trusted node. */
import { randomBytes, randomUUID } from "node:crypto";
import { type Identity, type OriginalServer, Refusal, serveOriginal } from "./original-http.ts";

export interface KmePair {
  /** By the SAE that it serves. */
  readonly servers: Readonly<Record<string, OriginalServer>>;
  /** Keys taken at one end only. */
  readonly waiting: Map<string, Buffer>;
  close(): void;
}

const DEFAULT_BITS = "128";

/** @param ends ids of the two nodes */
export async function kmePair(identity: Identity, ends: readonly [string, string]): Promise<KmePair> {
  const waiting = new Map<string, Buffer>();
  const serve = async (own: string, other: string): Promise<OriginalServer> =>
    await serveOriginal(identity, async ({ path, query, caller }) => {
      if (caller !== own) throw new Refusal("the calling SAE is not the one attached here");
      const method = path.split("/").at(-1);
      if (path !== `/api/v1/keys/${other}/${method}`) throw new Refusal("the other SAE is not linked to this one");
      if (method === "enc_keys") {
        return await Promise.resolve({
          keys: fresh(Number(query.get("number") ?? 1), Number(query.get("size") ?? DEFAULT_BITS), waiting),
        });
      }
      const id = query.get("key_ID") ?? "";
      const key = waiting.get(id);
      if (key === undefined) throw new Refusal("Unable, the key was not found by id");
      waiting.delete(id);
      return { keys: [{ key_ID: id, key: key.toString("base64") }] };
    });
  const [first, second] = await Promise.all([serve(ends[0], ends[1]), serve(ends[1], ends[0])]);
  return {
    servers: { [ends[0]]: first, [ends[1]]: second },
    waiting,
    close: () => {
      first.close();
      second.close();
    },
  };
}

function fresh(number: number, sizeBits: number, waiting: Map<string, Buffer>) {
  return Array.from({ length: number }, () => {
    const [id, key] = [randomUUID(), randomBytes(sizeBits / 8)];
    waiting.set(id, key);
    return { key_ID: id, key: key.toString("base64") };
  });
}
