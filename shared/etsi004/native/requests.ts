/** Requests of `/api/v1/streams`, read. */
import type { Fault, JsonValue } from "../../errors/errors.ts";
import { parseMembers } from "../../errors/members.ts";
import { ok, type Result } from "../../result.ts";
import { ksidOfText } from "../ksid.ts";
import type { ProfileName } from "../profiles.ts";
import type { Qos } from "../qos.ts";
import type { Ksid } from "../types.ts";
import { OpenConnectSchema, StreamCloseSchema, StreamGetKeySchema } from "./bodies.ts";
import { qosOf } from "./qos.ts";

/** NULL of the standard, where a KSID has no other way to be absent (the binary frames'). */
const NULL_KSID = "00000000-0000-0000-0000-000000000000";

export interface OpenConnectRequest {
  readonly profile: ProfileName;
  readonly source: string | null;
  readonly destination: string;
  /** Null: to be allocated. */
  readonly ksid: Ksid | null;
  readonly qos: Qos;
}

export interface GetKeyRequest {
  readonly profile: ProfileName;
  /** Null: the next one. */
  readonly index: number | null;
  readonly metadataSize: number;
}

const ksidOf = (text: string | null | undefined): Ksid | null =>
  text === null || text === undefined || text === NULL_KSID ? null : ksidOfText(text);

/** @returns `bad-request` naming every member that is wrong; so the others */
export function parseOpenConnect(body: JsonValue): Result<OpenConnectRequest, Fault> {
  const parsed = parseMembers(OpenConnectSchema, body, "the body");
  if (!parsed.ok) return parsed;
  const { source = null, destination, key_stream_ID: ksid, QOS: qos = {}, binding } = parsed.value;
  return ok({ profile: binding, source, destination, ksid: ksidOf(ksid), qos: qosOf(qos) });
}

export function parseGetKey(body: JsonValue): Result<GetKeyRequest, Fault> {
  const parsed = parseMembers(StreamGetKeySchema, body, "the body");
  if (!parsed.ok) return parsed;
  const { index = null, Metadata_size: metadataSize, binding } = parsed.value;
  return ok({ profile: binding, index, metadataSize });
}

export function parseClose(body: JsonValue): Result<{ readonly profile: ProfileName }, Fault> {
  const parsed = parseMembers(StreamCloseSchema, body, "the body");
  return parsed.ok ? ok({ profile: parsed.value.binding }) : parsed;
}
