/** IP addresses and prefixes in their canonical texts: RFC 6991 clause 4, RFC 5952. */

export interface Prefix {
  /** 4 or 16. */
  readonly octets: Uint8Array;
  readonly bits: number;
}

const V4_PART = /^(?:0|[1-9]\d{0,2})$/;
const V6_GROUP = /^[0-9a-f]{1,4}$/i;
const V6_GROUPS = 8;
/** Longest text of an address, "::ffff:" with an IPv4 address in it included. */
const ADDRESS_CHARS = 45;

function octetsOfV4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => V4_PART.test(part) && Number(part) <= 255)) return null;
  return Uint8Array.from(parts, Number);
}

/** Groups of a half of the address, before or after `::`. */
function groupsOf(text: string): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const tail = last.includes(".") ? octetsOfV4(last) : new Uint8Array();
  if (tail === null) return null;
  const groups = tail.length === 0 ? parts : parts.slice(0, -1);
  if (!groups.every((group) => V6_GROUP.test(group))) return null;
  const [a = 0, b = 0, c = 0, d = 0] = tail;
  const ofTail = tail.length === 0 ? [] : [(a << 8) | b, (c << 8) | d];
  return [...groups.map((group) => Number.parseInt(group, 16)), ...ofTail];
}

function octetsOfV6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = [groupsOf(halves[0] ?? ""), groupsOf(halves[1] ?? "")];
  if (head === null || tail === null || (halves.length === 2 && halves[0]?.includes("."))) return null;
  const missing = V6_GROUPS - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** @returns 4 or 16 octets; null for anything else, such as `192.168.123.300` or `010.0.0.1` */
export function octetsOfAddress(text: string): Uint8Array | null {
  if (text.length > ADDRESS_CHARS) return null;
  return text.includes(":") ? octetsOfV6(text) : octetsOfV4(text);
}

/** Where the longest run of at least two zero groups begins, and its length: that is written as `::`. */
function longestZeros(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > Math.max(best[1], 1)) best = [start, end - start];
  }
  return best;
}

/** ::ffff:0:0/96, of which RFC 5952 clause 5 writes the end as an IPv4 address. */
const isMapped = (octets: Uint8Array): boolean =>
  octets.subarray(0, 10).every((octet) => octet === 0) && octets[10] === 0xff && octets[11] === 0xff;

export function addressText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  if (isMapped(octets)) return `::ffff:${octets.subarray(12).join(".")}`;
  const groups = Array.from({ length: V6_GROUPS }, (_, at) => ((octets[2 * at] ?? 0) << 8) | (octets[2 * at + 1] ?? 0));
  const [start, length] = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length === 0) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** Bits beyond the length are cleared: what they are makes no other prefix. */
function masked(octets: Uint8Array, bits: number): Uint8Array {
  return octets.map((octet, at) => octet & (0xff00 >> Math.min(Math.max(bits - 8 * at, 0), 8)));
}

/** @returns null for what is none; an address without a length is a prefix of that address alone */
export function parsePrefix(text: string): Prefix | null {
  const [address = "", length, ...more] = text.split("/");
  const octets = octetsOfAddress(address);
  if (octets === null || more.length > 0) return null;
  const most = octets.length * 8;
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > most)) return null;
  const bits = length === undefined ? most : Number(length);
  return { octets: masked(octets, bits), bits };
}

export const prefixText = ({ octets, bits }: Prefix): string => `${addressText(octets)}/${bits}`;

/** @returns null for what is none */
export function canonicalPrefix(text: string): string | null {
  const prefix = parsePrefix(text);
  return prefix === null ? null : prefixText(prefix);
}

/** Is every address of `inner` one of `outer`? */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  if (outer.octets.length !== inner.octets.length || outer.bits > inner.bits) return false;
  return masked(inner.octets, outer.bits).every((octet, at) => octet === outer.octets[at]);
}

/** Of an address or a prefix in canonical form. */
export const addressFamily = (text: string): 4 | 6 => (text.includes(":") ? 6 : 4);
