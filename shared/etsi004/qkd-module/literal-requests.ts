/**
 * Requests of qkd-module 0.9, whose bodies are what Python's `repr` writes of a list. Tuples do as well; further items
 * are ignored, as are GET_KEY's metadata and other members of QOS.
 */
import * as v from "valibot";
import { type Fault, fail } from "../../errors/errors.ts";
import { parseShape } from "../../errors/members.ts";
import { ok, type Result } from "../../result.ts";
import { ksidOfText } from "../ksid.ts";
import { parseLiteral } from "../python-literal/parse.ts";
import type { Ksid } from "../types.ts";
import { anyKsid, integerFrom, lengthBits, newKsid, u32, uri } from "../wire-schemas.ts";

/** `[source, destination, {'timeout': 5000, 'length': 128}, ksid or None]` */
export const OpenConnectSchema = v.looseTuple(
  [
    // The key server sends None for itself.
    v.nullable(uri),
    uri,
    v.object({ timeout: u32, length: lengthBits }, "shall be a dict"),
    v.nullable(newKsid),
  ],
  "shall be a list of source, destination, QOS and KSID",
);
/** `[ksid, index, metadata]`; -1: the first available. */
export const GetKeySchema = v.looseTuple([anyKsid, integerFrom(-1)], "shall be a list of KSID, index and metadata");
/** `[ksid]` */
export const CloseSchema = v.looseTuple([anyKsid], "shall be a list of a KSID");

export interface OpenConnectRequest {
  readonly source: string | null;
  readonly destination: string;
  readonly timeoutMs: number;
  readonly lengthBits: number;
  /** Null: to be allocated. */
  readonly ksid: Ksid | null;
}

/** KSID null: text that is no UUID, so there is no such stream. */
export interface CloseRequest {
  readonly ksid: Ksid | null;
}

export interface GetKeyRequest extends CloseRequest {
  /** Null: the first available. */
  readonly index: number | null;
}

/** Faults name items of the list by their number, from 0. */
function parseBody<Schema extends v.GenericSchema>(schema: Schema, body: string): Result<v.InferOutput<Schema>, Fault> {
  const literal = parseLiteral(body);
  return literal.ok ? parseShape(schema, literal.value, "the literal") : literal;
}

/** The functions below take a body's text. @returns `bad-request` saying where the literal or what item is wrong */
export function parseOpenConnect(body: string): Result<OpenConnectRequest, Fault> {
  const parsed = parseBody(OpenConnectSchema, body);
  if (!parsed.ok) return parsed;
  const [source, destination, qos, ksid] = parsed.value;
  return ok({ source, destination, timeoutMs: qos.timeout, lengthBits: qos.length, ksid });
}

export function parseGetKey(body: string): Result<GetKeyRequest, Fault> {
  const parsed = parseBody(GetKeySchema, body);
  if (!parsed.ok) return parsed;
  const [ksid, index] = parsed.value;
  return ok({ ksid, index: index === -1 ? null : index });
}

export function parseClose(body: string): Result<CloseRequest, Fault> {
  const parsed = parseBody(CloseSchema, body);
  return parsed.ok ? ok({ ksid: parsed.value[0] }) : parsed;
}

/**
 * Body of /available_keys. The original reads any literal and counts for its one stream; its README sends no body.
 * @returns the KSID where the body is `[ksid]`; else null: of all streams
 */
export function parseAvailableKeys(body: string): Result<Ksid | null, Fault> {
  if (body.trim() === "") return ok(null);
  const literal = parseLiteral(body);
  if (!literal.ok) return literal;
  const first: unknown = Array.isArray(literal.value) ? literal.value[0] : null;
  return ok(typeof first === "string" ? ksidOfText(first) : null);
}

/** Body of the peer's POST /start: `'ksid'`. */
export function parseStart(body: string): Result<Ksid, Fault> {
  return parseBody(newKsid, body);
}

/** Query of the peer's GET /sync. */
export function parseSync(query: URLSearchParams): Result<Ksid, Fault> {
  const ksid = ksidOfText(query.get("key_handle") ?? "");
  return ksid === null ? fail("bad-request", "query key_handle: shall be a UUID") : ok(ksid);
}
