/** The network document in force, and which version of it that is. */
import { isRecord } from "../../shared/records.ts";
import { type Api, parseETag } from "./api.ts";
import { CliFailure } from "./failure.ts";

export interface InForce {
  readonly version: number;
  readonly document: Readonly<Record<string, unknown>>;
}

/** Null where there is none yet. @throws CliFailure for an answer that is none, or of no version */
export async function networkInForce(api: Api): Promise<InForce | null> {
  const { status, json, headers } = await api.call({ path: "/api/v1/network", retry: true, accept: [404] });
  if (status === 404) return null;
  const version = parseETag(headers.get("etag"));
  if (version === null) throw new CliFailure("the edge told no version of its network document (no ETag)");
  if (!isRecord(json)) throw new CliFailure("the edge's network document is no JSON object");
  return { version, document: json };
}
