/** What the cases of ETSI GS QKD 014 expect of answers, said once. Nothing here puts a key into words. */
import * as v from "valibot";
import { MANDATED_MESSAGES } from "../../../shared/errors/errors.ts";
import { ErrorSchema } from "../../../shared/etsi014/error.ts";
import { StatusSchema } from "../../../shared/etsi014/status-schema.ts";
import { isRecord } from "../../../shared/records.ts";
import { type Level, must } from "../case.ts";
import type { Answer } from "../exchange.ts";

/** The five messages that clauses 6.2 and 6.4 have, letter by letter. */
export const MESSAGES = {
  size: MANDATED_MESSAGES["size-not-octets"],
  unsupported: MANDATED_MESSAGES["extension-mandatory-unsupported"],
  unmet: MANDATED_MESSAGES["extension-mandatory-unmet"],
  optional: MANDATED_MESSAGES["extension-optional-unhandled"],
  notFound: MANDATED_MESSAGES["key-not-found"],
} as const;

/** Standard alphabet, padded, in one line (RFC 4648). */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface Key {
  readonly key_ID: string;
  /** Base64. */
  readonly key: string;
}

export const idsOf = (keys: readonly Key[]): string[] => keys.map(({ key_ID }) => key_ID);
export const bitsOf = ({ key }: Key): number => Buffer.from(key, "base64").length * 8;

/**
 * "err400": 400 (or another status) with an Error object (clause 6.5), and that message where one is mandated.
 * @param refusal how strictly it has to be refused at all, where that is more than how
 */
export function mustBeError(answer: Answer, { message, status = 400, level, refusal = level }: ErrorWish = {}): void {
  mustBeRefused(answer, refusal);
  must(answer.status === status, `status ${answer.status}, not ${status}`, level);
  const { success, output } = v.safeParse(ErrorSchema, answer.json);
  must(success, "the body is no Error object with a message", level);
  if (message === undefined || !v.is(ErrorSchema, output)) return;
  must(output.message === message, `the message is not letter by letter "${message}"`, level);
}

interface ErrorWish {
  readonly message?: string;
  readonly status?: number;
  readonly level?: Level;
  readonly refusal?: Level;
}

/** Whatever the status: no success. */
export function mustBeRefused(answer: Answer, level?: Level): void {
  must(answer.status >= 400, `accepted with status ${answer.status}`, level);
  mustHoldNoKey(answer);
}

/** Entries of a container, however it looks otherwise. */
export const entriesIn = ({ json }: Answer): number =>
  isRecord(json) && Array.isArray(json["keys"]) ? json["keys"].length : 0;

export const mustHoldNoKey = (answer: Answer): void => must(entriesIn(answer) === 0, "the answer holds keys", "M");

/** 401 (clauses 5.2 to 5.4); its body may be empty. */
export function mustBeUnauthorised(answer: Answer): void {
  mustHoldNoKey(answer);
  must(answer.status === 401, `status ${answer.status}, not 401`);
}

/** One of these statuses, and no key. */
export function mustBeOneOf(answer: Answer, ...statuses: readonly number[]): void {
  mustBeRefused(answer);
  must(statuses.includes(answer.status), `status ${answer.status}, not ${statuses.join(" or ")}`);
}

const MEMBERS = v.omit(StatusSchema, ["status_extension"]);

/** 200 with the 11 mandatory members of a Status (clause 6.1). @throws Breach naming what is wrong */
export function mustBeStatus(answer: Answer): void {
  mustBeJson(answer);
  const { issues } = v.safeParse(MEMBERS, answer.json);
  const words = issues?.map((issue) => `${v.getDotPath(issue) ?? "body"}: ${plainIssue(issue)}`);
  must(words === undefined, words?.join("; ") ?? "");
}

/** What is reckoned with where a KME's status does not tell: one case finds that, the others go on. */
const UNTOLD = {
  key_size: 256,
  stored_key_count: Number.MAX_SAFE_INTEGER,
  max_key_count: Number.MAX_SAFE_INTEGER,
  max_key_per_request: 1,
  max_key_size: 256,
  min_key_size: 64,
  max_SAE_ID_count: 0,
} as const;
export type Figures = Readonly<Record<keyof typeof UNTOLD, number>> & Readonly<Record<string, unknown>>;

/** Of 200 with any object. */
export function figuresOf(answer: Answer): Figures {
  mustBeJson(answer, "M");
  const json = isRecord(answer.json) ? answer.json : {};
  const told = Object.entries(UNTOLD).map(([name, untold]) => {
    const value = json[name];
    return [name, typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : untold];
  });
  return { ...json, ...(Object.fromEntries(told) as Record<keyof typeof UNTOLD, number>) };
}

/** What was received may be anything, a key too: only its kind is told. */
const plainIssue = ({ expected, input }: v.BaseIssue<unknown>): string =>
  `${expected ?? "something else"} expected, ${input === undefined ? "missing" : `is of type ${typeof input}`}`;

/** 200 with JSON in UTF-8 (clause 5.1). */
export function mustBeJson({ status, headers, isUtf8, json }: Answer, level?: Level): void {
  must(status === 200, `status ${status}, not 200`, level);
  must(/^application\/json/i.test(headers["content-type"] ?? ""), "Content-Type is not application/json", level);
  must(isUtf8 && json !== undefined, "the body is not JSON in UTF-8", level);
}

/** 200 with a key container of exactly so many keys (clause 6.3). @param sizeBits of each, where it is known */
export function keysOf(answer: Answer, number: number, sizeBits?: number): readonly Key[] {
  mustBeJson(answer);
  const entries = isRecord(answer.json) ? answer.json["keys"] : undefined;
  must(Array.isArray(entries), "the body has no array `keys`");
  must(entries.length === number, `${entries.length} keys, not ${number}`);
  return entries.map((entry: unknown, index) => keyOf(entry, index, sizeBits));
}

function keyOf(entry: unknown, index: number, sizeBits: number | undefined): Key {
  must(isRecord(entry), `keys[${index}] is no object`);
  const { key_ID, key } = entry;
  must(typeof key_ID === "string" && UUID.test(key_ID), `keys[${index}].key_ID is no UUID`);
  must(typeof key === "string" && key !== "" && BASE64.test(key), `keys[${index}].key is not base64`);
  const found = { key_ID, key };
  const wanted = sizeBits === undefined ? undefined : 8 * Math.ceil(sizeBits / 8);
  must(wanted === undefined || bitsOf(found) === wanted, `keys[${index}] has ${bitsOf(found)} bits, not ${wanted}`);
  return found;
}

/** No ID and no value twice. */
export function mustBeDistinct(keys: readonly Key[]): void {
  const ids = new Set(keys.map(({ key_ID }) => key_ID.toLowerCase()));
  must(ids.size === keys.length, `${keys.length - ids.size} key IDs occur more than once`, "M");
  const values = new Set(keys.map(({ key }) => key));
  must(values.size === keys.length, `${keys.length - values.size} keys occur under more than one ID`, "M");
}

/** The same keys under the same IDs, in any order. */
export function mustBeSame(given: readonly Key[], wanted: readonly Key[]): void {
  const byId = new Map(given.map(({ key_ID, key }) => [key_ID.toLowerCase(), key]));
  for (const { key_ID, key } of wanted) {
    const other = byId.get(key_ID.toLowerCase());
    must(other !== undefined, `key ${key_ID} is missing`, "M");
    must(other === key, `key ${key_ID} has other bytes at the other end`, "M");
  }
}
