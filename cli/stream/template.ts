/**
 * Request templates as the hybridization module's drivers read them: `{"command":"OPEN_CONNECT","data":{...}}`, or a list in which
 * GET_KEY and CLOSE may follow. What a template cannot know, the KSID, is put in when it is there.
 */
import { type OpenRequest, parseRequest } from "../../shared/etsi004/json-tcp/requests.ts";
import { LIMITS } from "../../shared/limits.ts";
import { CliFailure } from "../lib/failure.ts";

export interface Template {
  readonly open: OpenRequest;
  /** The same as it was written, members unknown to us included. */
  readonly written: unknown;
  /** Of the chunks to fetch; none: the template does not say. */
  readonly indices: readonly number[];
}

/** @throws CliFailure naming the entry and what is wrong with it */
export function readTemplates(json: unknown, from: string): readonly Template[] {
  const entries: readonly unknown[] = Array.isArray(json) ? json : [json];
  if (entries.length > LIMITS.streamTemplates) {
    throw new CliFailure(`${from} holds ${entries.length} requests, more than ${LIMITS.streamTemplates}`);
  }
  const templates: { open: OpenRequest; written: unknown; indices: number[] }[] = [];
  for (const [i, written] of entries.entries()) {
    const fail = (reason: string): never => {
      throw new CliFailure(`${from}${Array.isArray(json) ? `, request ${i + 1}` : ""}: ${reason}`);
    };
    const parsed = parseRequest(JSON.stringify(withKsid(written)));
    if (!parsed.ok) return fail(reasonOf(parsed.error));
    const request = parsed.value;
    if (request.command === "OPEN_CONNECT") templates.push({ open: request, written, indices: [] });
    else if (templates.length === 0) fail(`${request.command} before any OPEN_CONNECT`);
    else if (request.command === "GET_KEY") templates.at(-1)?.indices.push(request.index);
  }
  if (templates.length === 0) throw new CliFailure(`${from} holds no OPEN_CONNECT`);
  return templates;
}

/** Templates of GET_KEY and CLOSE have some placeholder, or nothing, where the KSID belongs. */
function withKsid(entry: unknown): unknown {
  if (typeof entry !== "object" || entry === null || !("data" in entry)) return entry;
  const { data } = entry;
  if (typeof data !== "object" || data === null) return entry;
  return { ...entry, data: { ...data, key_stream_id: "" } };
}

const reasonOf = (answer: object): string => ("message" in answer ? String(answer.message) : "no request");
