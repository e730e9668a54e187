/** What of some entries a host has: by their names, and never with a key. */
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { IKELESS } from "./capabilities.ts";
import { getEntries } from "./edits.ts";
import type { NetconfFailure } from "./failure.ts";
import { child, listOf, textOf, type XmlNode } from "./messages.ts";
import type { Change, EntryRef, Presence } from "./netconf-host.ts";
import { refusal } from "./refusal.ts";
import type { NetconfSession } from "./session.ts";

/** @returns in the order of `entries` */
export async function readEntries(
  session: NetconfSession,
  entries: readonly EntryRef[],
): Promise<Result<readonly Presence[], NetconfFailure>> {
  const found: Presence[] = [];
  for (let at = 0; at < entries.length; at += LIMITS.netconfEntriesRead) {
    const some = entries.slice(at, at + LIMITS.netconfEntriesRead);
    const answer = await session.rpc(getEntries(some, IKELESS));
    if (!answer.ok) return answer;
    const { faults, data } = answer.value;
    if (faults.length > 0) return err(refusal(faults));
    found.push(...presences(some, child(data, "ipsec-ikeless")));
  }
  return ok(found);
}

function presences(entries: readonly EntryRef[], config: XmlNode | undefined): readonly Presence[] {
  const there = new Map(
    (["spd", "sad"] as const).flatMap((kind) =>
      listOf(child(config, kind), `${kind}-entry`).map(
        (node) => [`${kind} ${textOf(child(node, "name"))}`, node] as const,
      ),
    ),
  );
  return entries.map((entry) => {
    const node = there.get(`${entry.kind} ${entry.name}`);
    const spi = textOf(child(child(node, "ipsec-sa-config"), "spi"));
    return {
      entry,
      isThere: node !== undefined,
      reqid: textOf(child(node, "reqid")),
      spi: spi !== null && /^\d{1,10}$/.test(spi) ? Number(spi) : null,
    };
  });
}

/** Of a change whose answer never came: to be sent again? A `merge` always: what is there may be of before. */
export const isMissing = ({ operation }: Pick<Change, "operation">, { isThere }: Pick<Presence, "isThere">): boolean =>
  operation === "merge" || (operation === "create" ? !isThere : isThere);
