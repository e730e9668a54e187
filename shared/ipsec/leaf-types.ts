/** Types of leaves (RFC 7950 clause 9, RFC 6991), each with the canonical form of its values. */
import { addressText, canonicalPrefix, octetsOfAddress } from "./addresses.ts";
import type { LeafType, RawValue } from "./yang.ts";

/** RFC 7950 clause 9.2.1: an optional sign, then decimal digits; hex and octal are for modules only. */
const INTEGER = /^\+?(?<digits>\d{1,32})$/;

function digitsOf(raw: RawValue): bigint | undefined {
  if (typeof raw === "number") return Number.isSafeInteger(raw) ? BigInt(raw) : undefined;
  const digits = typeof raw === "string" ? INTEGER.exec(raw)?.groups?.["digits"] : undefined;
  return digits === undefined ? undefined : BigInt(digits);
}

function uint(bits: 8 | 16 | 32): LeafType<number> {
  const most = 2 ** bits - 1;
  return {
    words: `shall be a whole number from 0 to ${most}`,
    read(raw) {
      const value = digitsOf(raw);
      return value === undefined || value < 0n || value > BigInt(most) ? undefined : Number(value);
    },
  };
}
export const uint8 = uint(8);
export const uint16 = uint(16);
export const uint32 = uint(32);

const UINT64_MAX = 2n ** 64n - 1n;
/** As a text, for JSON's numbers hold no more than 53 bits. */
export const uint64: LeafType<string> = {
  words: `shall be a whole number from 0 to ${UINT64_MAX}`,
  read(raw) {
    const value = digitsOf(raw);
    return value === undefined || value < 0n || value > UINT64_MAX ? undefined : String(value);
  },
};

export const boolean: LeafType<boolean> = {
  words: "shall be true or false",
  read: (raw) => (raw === true || raw === "true" ? true : raw === false || raw === "false" ? false : undefined),
};

export const oneOf = <const Names extends readonly string[]>(...names: Names): LeafType<Names[number]> => ({
  words: `shall be one of ${names.join(", ")}`,
  read: (raw) => names.find((name) => name === raw),
});

/** RFC 6991 `dscp`. */
export const dscp: LeafType<number> = {
  words: "shall be a whole number from 0 to 63",
  read(raw) {
    const value = uint8.read(raw);
    return value === undefined || value > 63 ? undefined : value;
  },
};

/** A protocol's number, or `any`. */
export const innerProtocol: LeafType<number | "any"> = {
  words: "shall be any, or a whole number from 0 to 255",
  read: (raw) => (raw === "any" ? raw : uint8.read(raw)),
};

export const ipPrefix: LeafType<string> = {
  words: "shall be an IP prefix such as 10.0.0.11/32 or 2001:db8::/64",
  read: (raw) => (typeof raw === "string" ? (canonicalPrefix(raw) ?? undefined) : undefined),
  remark: (raw) => (String(raw).includes("/") ? null : "has no prefix length: taken as this one address"),
};

/** RFC 6991 `ip-address`: with the zone of a link-local one. */
const ZONE = /^[\p{L}\p{N}._-]{1,32}$/u;
export const ipAddress: LeafType<string> = {
  words: "shall be an IP address",
  read(raw) {
    const [address = "", zone, ...more] = String(raw).split("%");
    const octets = octetsOfAddress(address);
    if (octets === null || more.length > 0 || (zone !== undefined && !ZONE.test(zone))) return undefined;
    return zone === undefined ? addressText(octets) : `${addressText(octets)}%${zone}`;
  },
};

/** What XML 1.0 can carry, but for line breaks and tabs, which a name has no use for. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]/;
export const NAME_CHARS = 255;
export const entryName: LeafType<string> = {
  words: `shall be a text of 1 to ${NAME_CHARS} characters without control characters`,
  read: (raw) =>
    typeof raw === "string" && raw !== "" && raw.length <= NAME_CHARS && raw.isWellFormed() && !UNFIT.test(raw)
      ? raw
      : undefined,
};
