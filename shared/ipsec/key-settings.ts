/**
 * What a controller sets with `POST /createqkd` for the keys between two proxy agents: QKD or not, which KEM, how they
 * are combined. Where QUBIP's proxy agent takes Kyber512 for an algorithm it does not know, and XOR for a method, this
 * refuses: nobody shall have other keys than asked for and not hear of it.
 */
import { type Fault, fail } from "../errors/errors.ts";
import { DEFAULT_METHOD, isKdf, METHOD_NAMES, type MethodName, methodNamed } from "../hybrid/methods.ts";
import { isRecord } from "../records.ts";
import { kemNamed } from "../kem/names.ts";
import { KEM_NAMES, KEMS as KEM_ROWS, type KemName } from "../kem/registry.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { addressText, octetsOfAddress } from "./addresses.ts";

export interface KeySettings {
  /** Addresses of the two proxy agents, sorted. */
  readonly endpoints: readonly [low: string, high: string];
  readonly qkd: boolean;
  readonly kem: KemName | null;
  readonly method: MethodName;
}

/** Where no controller has set anything: QUBIP's sources, under a method that shows both ends that they agree. */
export const DEFAULT_KEYS: Omit<KeySettings, "endpoints"> = { qkd: true, kem: "ML-KEM-512", method: DEFAULT_METHOD };

/** Equal for both orders of the two. */
export const endpointsOf = (a: string, b: string): KeySettings["endpoints"] => {
  const [one, other] = [a, b].map(endpointText) as [string, string];
  return one < other ? [one, other] : [other, one];
};

function endpointText(text: string): string {
  const octets = octetsOfAddress(text);
  return octets === null ? text.toLowerCase() : addressText(octets);
}

/** `use-qkd` as Python's pydantic reads a bool. */
const YES: ReadonlySet<string> = new Set(["true", "yes", "y", "t", "on", "1"]);
const NO: ReadonlySet<string> = new Set(["false", "no", "n", "f", "off", "0"]);

function qkdOf(value: unknown): boolean | null {
  const text = typeof value === "boolean" || typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return null;
  const word = text.toLowerCase();
  return YES.has(word) ? true : NO.has(word) ? false : null;
}

/** `ML-KEM-512`, `mlkem512`, `kyber-512`: whatever stands between letters and digits. */
const squeezed = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
const SQUEEZED_KEMS: ReadonlyMap<string, KemName> = new Map([
  ...KEM_NAMES.map((name): [string, KemName] => [squeezed(name), name]),
  ["kyber", "Kyber512"],
]);

/** Of no KEM: QKD alone. */
const NO_KEM: ReadonlySet<string> = new Set(["none", ""]);

function kemOf(value: unknown): KemName | null | undefined {
  if (value === null) return null;
  if (typeof value !== "string" || value.length > NAME_CHARS) return undefined;
  return NO_KEM.has(value.toLowerCase()) ? null : (kemNamed(value) ?? SQUEEZED_KEMS.get(squeezed(value)));
}
const NAME_CHARS = 64;

const MEMBERS: ReadonlySet<string> = new Set([
  "endpoint1",
  "endpoint2",
  "use-qkd",
  "pqc-algorithm",
  "hybridization-method",
]);

/** @param body of `POST /createqkd`, parsed */
export function readKeySettings(body: unknown): Result<KeySettings, Fault> {
  if (!isRecord(body)) return fail("bad-request", "the body shall be a JSON object");
  const unknown = Object.keys(body).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return fail("bad-request", `${unknown.slice(0, NAME_CHARS)}: there is no such member`);
  const [one, other] = [body["endpoint1"], body["endpoint2"]];
  if (!isEndpoint(one)) return fail("bad-request", `endpoint1: ${ENDPOINT_WORDS}`);
  if (!isEndpoint(other)) return fail("bad-request", `endpoint2: ${ENDPOINT_WORDS}`);
  const endpoints = endpointsOf(one, other);
  if (endpoints[0] === endpoints[1]) return fail("bad-request", "endpoint2: is the same as endpoint1");
  const keys = readKeys(body);
  return keys.ok ? ok({ endpoints, ...keys.value }) : keys;
}

const isEndpoint = (value: unknown): value is string =>
  typeof value === "string" && value.length <= LIMITS.ipsecEndpointChars && /^[^\s/@]+$/.test(value);
const ENDPOINT_WORDS = "shall be the address of a proxy agent";

function readKeys(body: Readonly<Record<string, unknown>>): Result<Omit<KeySettings, "endpoints">, Fault> {
  const qkd = body["use-qkd"] === undefined ? DEFAULT_KEYS.qkd : qkdOf(body["use-qkd"]);
  if (qkd === null) return fail("bad-request", "use-qkd: shall be yes or no");
  const kem = body["pqc-algorithm"] === undefined ? DEFAULT_KEYS.kem : kemOf(body["pqc-algorithm"]);
  if (kem === undefined) {
    return fail("bad-request", `pqc-algorithm: shall be None or one of ${KEM_NAMES.join(", ")}`);
  }
  if (!qkd && kem === null) return fail("bad-request", "pqc-algorithm: without QKD and without a KEM there is no key");
  const said = body["hybridization-method"];
  const method = said === undefined ? DEFAULT_KEYS.method : typeof said === "string" ? methodNamed(said) : null;
  if (method === null) {
    return fail("bad-request", `hybridization-method: shall be one of ${METHOD_NAMES.join(", ")}`);
  }
  return ok({ qkd, kem, method });
}

/** Both HMAC methods of the hybridization module give no more than this. */
const HMAC_BYTES = 32;

/** Octets that a stream by these settings is asked for: where that is less than the SA needs, they are expanded. */
export function chunkBytesOf(keyBytes: number, { method, kem }: Pick<KeySettings, "method" | "kem">): number {
  if (isKdf(method)) return keyBytes;
  if (method !== "xoring") return Math.min(keyBytes, HMAC_BYTES);
  return kem === null ? keyBytes : Math.min(keyBytes, KEM_ROWS[kem].sharedSecretBytes);
}
