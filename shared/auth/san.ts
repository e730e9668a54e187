/**
 * Subject alternative names from the text form of Node's `X509Certificate.subjectAltName`
 * (`DNS:sae-a, URI:sae://a, DNS:"odd, name"`). Values with special characters come as JSON strings there: taking the
 * text apart at commas alone would let one name pass for two.
 */
import { err, ok, type Result } from "../result.ts";

/** Kinds of names that tell who a principal is. Others (IP addresses, e-mail, other names) are passed over. */
const KINDS: ReadonlySet<string> = new Set(["DNS", "URI"]);
const ENTRY = /(?<kind>[A-Za-z][A-Za-z ]*):(?<value>"(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/uy;

/** The comparable form of one name: DNS names do not tell case apart (RFC 4343). */
export const canonicalSan = (name: string): string =>
  name.startsWith("DNS:") ? `DNS:${name.slice(4).toLowerCase()}` : name;

/** The DNS and URI names, as `DNS:sae-a`, in canonical form. Text not wholly understood is refused. */
export function parseSubjectAltName(text: string | undefined): Result<readonly string[], string> {
  const names: string[] = [];
  if (text === undefined || text === "") return ok(names);
  const entry = new RegExp(ENTRY);
  while (entry.lastIndex < text.length) {
    const { lastIndex } = entry;
    const found = entry.exec(text)?.groups;
    const kind = found?.["kind"];
    const value = found?.["value"];
    if (kind === undefined || value === undefined)
      return err(`unreadable subject alternative name at character ${lastIndex}`);
    if (!KINDS.has(kind)) continue;
    const plain = value.startsWith('"') ? unquoted(value) : value;
    if (plain === null) return err(`unreadable subject alternative name at character ${lastIndex}`);
    names.push(canonicalSan(`${kind}:${plain}`));
  }
  return ok(names);
}

function unquoted(value: string): string | null {
  try {
    return String(JSON.parse(value));
  } catch {
    return null;
  }
}
