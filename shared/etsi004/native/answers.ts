/** Answers of `/api/v1/streams`: each status of ETSI GS QKD 004 in HTTP, and in words. */
import { toBase64 } from "../../bytes/base64.ts";
import { PROFILES, type ProfileName, statusCode } from "../profiles.ts";
import { STATUS, type StatusName } from "../status.ts";
import type { GetKeyAnswer, Ksid, OpenAnswer } from "../types.ts";
import { qosMembers } from "./qos.ts";

/** 422: a repeat with what the answer tells is met. 409: somebody else has to act first. 503, 504: later may do. */
const STATUSES = {
  success: { http: 200, message: "success" },
  "peer-not-connected": { http: 200, message: "success; the peer has not opened the stream yet" },
  "insufficient-key": { http: 503, message: "there is not enough key for this chunk, or it was fetched before" },
  "peer-not-yet-connected": { http: 409, message: "the peer has not opened the stream yet" },
  "no-connection": { http: 503, message: "no QKD connection to the destination" },
  "ksid-in-use": { http: 409, message: "other applications use this key_stream_ID" },
  timeout: { http: 504, message: "QOS.Timeout has passed" },
  "qos-not-met": { http: 422, message: "the QOS cannot be met; what could be had is in the answer" },
  "metadata-too-small": { http: 422, message: "the metadata needs the Metadata_size of the answer; no key was taken" },
  "unknown-ksid": { http: 404, message: "no stream of this key_stream_ID that you have opened" },
} as const satisfies Record<StatusName, { readonly http: number; readonly message: string }>;

export interface StreamReplyBody {
  readonly http: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const code = (status: StatusName, profile: ProfileName): number => statusCode(PROFILES[profile], status, STATUS);

/** @param detail in place of the status's own words */
export const failed = (status: StatusName, profile: ProfileName, detail?: string): StreamReplyBody => ({
  http: STATUSES[status].http,
  body: { status: code(status, profile), message: detail ?? STATUSES[status].message },
});

/** Is the stream open after all, if perhaps with other QOS than asked for? */
export const isOpened = ({ status, opened = false }: OpenAnswer): boolean =>
  status === "success" || status === "peer-not-connected" || (status === "qos-not-met" && opened);

export function openReply(ksid: Ksid, answer: OpenAnswer, profile: ProfileName, detail?: string): StreamReplyBody {
  const qos = answer.qos === undefined ? {} : { QOS: qosMembers(answer.qos) };
  if (isOpened(answer)) {
    return { http: 200, body: { status: code(answer.status, profile), key_stream_ID: ksid, ...qos } };
  }
  const { http, body } = failed(answer.status, profile, detail);
  return { http, body: { ...body, ...qos } };
}

export function keyReply(answer: GetKeyAnswer, profile: ProfileName): StreamReplyBody {
  if (answer.status === "metadata-too-small") {
    const { http, body } = failed(answer.status, profile);
    return { http, body: { ...body, Metadata_size: answer.neededSize } };
  }
  if (answer.status !== "success") return failed(answer.status, profile);
  const { indices, key, metadata } = answer;
  const told = metadata === null ? {} : { Metadata: metadata };
  return { http: 200, body: { status: STATUS.success, index: indices[0], Key_buffer: toBase64(key), ...told } };
}

export const closeReply = (status: StatusName, profile: ProfileName): StreamReplyBody =>
  status === "success" ? { http: 200, body: { status: STATUS.success } } : failed(status, profile);
