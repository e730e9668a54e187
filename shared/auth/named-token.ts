/**
 * Bearer tokens that name who can tell what they are worth: `<prefix>.<name>.<256 random bits, base64url>`. Of the token
 * only its SHA-256 is kept there.
 */
import { toBase64 } from "../bytes/base64.ts";
import { PLAIN_ID } from "../network/plain-id.ts";

export interface NamedTokens {
  /** @param random 32 bytes */
  readonly write: (name: string, random: Uint8Array) => string;
  /** Null for a text of any other form. */
  readonly nameOf: (token: string) => string | null;
}

export function namedTokens(prefix: string): NamedTokens {
  const form = new RegExp(`^${prefix}\\.(?<name>${PLAIN_ID})\\.[A-Za-z0-9_-]{43}$`);
  return {
    write: (name, random) =>
      `${prefix}.${name}.${toBase64(random).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`,
    nameOf: (token) => form.exec(token)?.groups?.["name"] ?? null,
  };
}
