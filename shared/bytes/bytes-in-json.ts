/** Bytes in JSON messages between peers: base64 in a string. */
import * as v from "valibot";
import { fromBase64, toBase64 } from "./base64.ts";

export const base64Schema = (maxBytes: number) =>
  v.pipe(
    v.string(),
    v.maxLength(Math.ceil(maxBytes / 3) * 4),
    v.rawTransform<string, Uint8Array>(({ dataset, addIssue, NEVER }) => {
      const decoded = fromBase64(dataset.value);
      if (decoded !== null && decoded.length <= maxBytes) return decoded;
      addIssue({ message: "shall be base64" });
      return NEVER;
    }),
  );

/** A message as JSON text, the bytes in it as base64. */
export const jsonWithBytes = (message: unknown): string =>
  JSON.stringify(message, function (this: Readonly<Record<string, unknown>>, name: string, value: unknown) {
    // Not the value that comes along: of Node's Buffer that is the JSON it makes of itself.
    const member = this[name];
    return member instanceof Uint8Array ? toBase64(member) : value;
  });
