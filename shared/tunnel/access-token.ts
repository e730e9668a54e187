/** Tokens that a hub gives an agent with its connection, for the REST API: `qkda.<site>.<256 random bits, base64url>`. */
import { PLAIN_ID } from "../network/plain-id.ts";

const PREFIX = "qkda.";
const FORM = new RegExp(`^qkda\\.(?<site>${PLAIN_ID})\\.[A-Za-z0-9_-]{43}$`);

/** @param random 32 bytes */
export const accessToken = (site: string, random: Uint8Array): string =>
  `${PREFIX}${site}.${btoa(String.fromCharCode(...random))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")}`;

/** The site whose hub knows a token of this form; null for any other. */
export const siteOfAccessToken = (token: string): string | null => FORM.exec(token)?.groups?.["site"] ?? null;
