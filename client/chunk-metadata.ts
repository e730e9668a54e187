/** What a chunk's metadata tells (ETSI GS QKD 004 V2.1.1 clause 6, `application/json`), and of a hybrid chunk what was mixed. */
import * as v from "valibot";
import { parseJson } from "../shared/bytes/json.ts";
import { CLIENT } from "../shared/limits-client.ts";

export interface ChunkMetadata {
  /** Milliseconds since the chunk became available. */
  readonly age: number;
  /** Trusted nodes on the way; 0: a direct link. */
  readonly hops: number;
  /** How secrets of several sources became this one: `cat-kdf` for instance. Absent for QKD key alone; so the others. */
  readonly method?: string;
  readonly sources?: readonly string[];
  /** Wished for, and not there. */
  readonly dropped?: readonly string[];
  /** Have the two ends shown each other that they have the same? */
  readonly confirmed?: boolean;
  /** Where the KEMs ran. */
  readonly kem?: "edge" | "agent";
}

/** Further members are passed over. */
const MetadataSchema = v.object({
  age: v.number(),
  hops: v.number(),
  method: v.exactOptional(v.string()),
  sources: v.exactOptional(v.array(v.string())),
  dropped: v.exactOptional(v.array(v.string())),
  confirmed: v.exactOptional(v.boolean()),
  kem: v.exactOptional(v.picklist(["edge", "agent"])),
});

/** Null for what is no metadata: a chunk is not lost because of it. */
export function readMetadata(text: string): ChunkMetadata | null {
  const json = parseJson(text, CLIENT.clientJsonDepth);
  const parsed = v.safeParse(MetadataSchema, json.ok ? json.value : null);
  return parsed.success ? parsed.output : null;
}
