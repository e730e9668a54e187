/** Entries in XML: elements one after the other, with the module's containers around them or without, under any prefix. */
import { type Fault, fail } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { entriesIn, type Found, type RawBody } from "./raw-body.ts";
import { readXml } from "./xml.ts";

/** @param text of a body whose size has been bounded */
export function readXmlBody(text: string): Result<RawBody, Fault> {
  const elements = readXml(text);
  if (!elements.ok) return fail("bad-request", elements.error);
  const warnings: string[] = [];
  const found = elements.value.flatMap(({ name, value }): readonly Found[] => {
    const entries = entriesIn({ [name]: value });
    if (entries.length === 0 && warnings.length < LIMITS.ipsecJunkTold) {
      warnings.push(`passed over: <${name.slice(0, 64)}> holds neither sad-entry nor spd-entry`);
    }
    return entries;
  });
  if (found.length > LIMITS.ipsecBodyEntries) {
    return fail("bad-request", `the body has more than ${LIMITS.ipsecBodyEntries} entries`);
  }
  return ok({ found, warnings });
}
