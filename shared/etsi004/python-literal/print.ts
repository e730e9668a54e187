/**
 * Python's and JSON's common ground: what is printed here, `eval` of Python and `JSON.parse` read alike. So there is no
 * null, true or false (Python knows no such names), and bytes are lists of integers.
 */
export type CommonValue =
  | string
  | number
  | Uint8Array
  | readonly CommonValue[]
  | { readonly [key: string]: CommonValue };

/** Integers only: JSON and Python write floats differently at the edges. @throws RangeError for other numbers */
export function printInteger(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError("not an integer within 2^53 - 1");
  return String(value);
}

export function printLiteral(value: CommonValue): string {
  // JSON's escapes are Python's too, and whatever JSON leaves as it is, Python does.
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return printInteger(value);
  if (value instanceof Uint8Array) return `[${value.join(", ")}]`;
  if (isList(value)) return `[${value.map(printLiteral).join(", ")}]`;
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${printLiteral(each)}`);
  return `{${members.join(", ")}}`;
}

/** `Array.isArray` does not narrow a union with read-only arrays. */
export const isList = <T>(value: readonly T[] | object): value is readonly T[] => Array.isArray(value);
