/**
 * Applications of Open-QKD-Network have one user built in, whichever site they run at. Which user that is here, this site's
 * configuration says: the form of a password grant (RFC 6749 4.3.2) is passed on with that name, and else as it came.
 */
import { formKind } from "../../../shared/open-qkd-network/form.ts";

export type Renamed = Readonly<Record<string, string>>;

/**
 * @param body read as a form where `contentType` says that it is one, and otherwise left alone
 * @returns `body` itself where there is nothing to rename
 */
export function renameUser(body: Uint8Array, contentType: string, users: Renamed): Uint8Array {
  if (Object.keys(users).length === 0 || formKind(contentType) !== "urlencoded") return body;
  const members = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1").split("&");
  const named = members.filter((member) => nameOf(member) === "username");
  const [member] = named;
  // Which of two were meant is for the edge to refuse.
  if (member === undefined || named.length > 1 || !isPasswordGrant(members)) return body;
  const user = valueOf(member);
  const renamed = user !== null && Object.hasOwn(users, user) ? users[user] : undefined;
  if (renamed === undefined) return body;
  const own = `username=${encodeURIComponent(renamed)}`;
  return Buffer.from(members.map((each) => (each === member ? own : each)).join("&"), "latin1");
}

const isPasswordGrant = (members: readonly string[]): boolean =>
  members.some((member) => nameOf(member) === "grant_type" && valueOf(member) === "password");

const nameOf = (member: string): string | null => decoded(/^[^=]*/.exec(member)?.[0] ?? "");
const valueOf = (member: string): string | null => decoded(member.slice(member.indexOf("=") + 1));

/** Null: not the form's coding. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}
