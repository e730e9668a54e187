/**
 * What becomes of a pushed block: one table, from what the pool knows to what it does. The README prints it; tests
 * push a block for every row.
 */

/** What the pool knows of the block's id (of a new one: of its range and bytes). */
export type KnownAs =
  | "new"
  | "overlapping" // another block of the file covers some of its range
  | "known material" // its bytes, or a whole unit of them, came under another id
  | "unmatched"
  | "matched"
  | "unhealthy" // quarantined for what its health tests found
  | "quarantined" // for another reason
  | "expired" // its twin did not come in time
  | "voided";

/** Who pushes. */
export type PushedBy =
  | "one end" // of a two-ended link: the end that pushed it before, or the first to do so
  | "other end"
  | "alone"; // no twin is wanted: the link is one-ended, both ends have pushed it, or the pool made it

export interface Push {
  readonly known: KnownAs;
  readonly by: PushedBy;
  /** Are its bytes those the pool knows? */
  readonly bytes: "equal" | "other";
  /** Does it pass its health tests, or need not by the link's policy? */
  readonly passes: "yes" | "no";
}

export type Verdict =
  | "take" // its bits become available
  | "wait" // its bits are unmatched until its twin comes
  | "quarantine"
  | "mismatch" // quarantined for ever, with an alarm
  | "note" // that both ends have pushed it
  | "repeat" // nothing: the answer says what is known
  | "refuse";

type Row = { readonly [Member in keyof Push]: Push[Member] | "any" } & { readonly verdict: Verdict };

const row = (
  known: Row["known"],
  by: Row["by"],
  bytes: Row["bytes"],
  passes: Row["passes"],
  verdict: Verdict,
): Row => ({ known, by, bytes, passes, verdict });

/** The first row that fits counts. */
export const BLOCK_TABLE: readonly Row[] = [
  row("overlapping", "any", "any", "any", "refuse"),
  row("known material", "any", "any", "any", "quarantine"),
  row("new", "any", "any", "no", "quarantine"),
  row("new", "alone", "any", "yes", "take"),
  row("new", "any", "any", "yes", "wait"),
  row("unmatched", "one end", "equal", "any", "repeat"),
  row("unmatched", "any", "equal", "yes", "take"),
  row("unmatched", "any", "equal", "no", "quarantine"),
  row("unmatched", "other end", "other", "any", "mismatch"),
  row("unhealthy", "one end", "equal", "yes", "wait"),
  row("unhealthy", "any", "equal", "yes", "take"),
  row("unhealthy", "other end", "equal", "no", "note"),
  row("unhealthy", "other end", "other", "any", "mismatch"),
  row("quarantined", "other end", "any", "any", "repeat"),
  row("expired", "other end", "any", "any", "repeat"),
  row("any", "any", "equal", "any", "repeat"),
  row("any", "any", "other", "any", "refuse"),
];

const fits = (wanted: string, given: string): boolean => wanted === "any" || wanted === given;

export function verdictOn(push: Push): Verdict {
  const found = BLOCK_TABLE.find(
    ({ known, by, bytes, passes }) =>
      fits(known, push.known) && fits(by, push.by) && fits(bytes, push.bytes) && fits(passes, push.passes),
  );
  if (found === undefined) throw new Error(`no row fits a block that is ${push.known}`);
  return found.verdict;
}
