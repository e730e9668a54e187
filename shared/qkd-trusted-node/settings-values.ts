/** Values of settings-tnN.json; null for what is none. */
import { PLAIN_ID } from "../network/plain-id.ts";

const PLAIN = new RegExp(`^${PLAIN_ID}$`);

export const plainId = (value: unknown): string | null =>
  typeof value === "string" && PLAIN.test(value) ? value : null;

export const pathOf = (value: unknown): string | null =>
  typeof value === "string" && value !== "" && value.length <= 4096 ? value : null;

const HTTPS_PORT = 443;

/** Of an https address without a path. */
export function placeOfUrl(value: unknown): { readonly host: string; readonly port: number } | null {
  if (typeof value !== "string" || !URL.canParse(value)) return null;
  const { protocol, hostname, port, pathname, search, hash, username } = new URL(value);
  if (protocol !== "https:" || pathname !== "/" || search + hash + username !== "") return null;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? HTTPS_PORT : Number(port) };
}
