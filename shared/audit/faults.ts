/** What an audit log says of itself where it is not whole. */

/** Acts by which a log, or who writes to it, says what it lacks. */
export const NOTES: readonly string[] = ["audit.gap", "audit.conflict", "audit.dropped"];

/** In the place of a record whose text cannot be read any more. */
export const UNREADABLE = "audit.unreadable";

/** The last thing that was amiss with a log. */
export interface AuditFault {
  /** Of `NOTES`, or `UNREADABLE`. */
  readonly act: string;
  /** Of the record that says so. */
  readonly index: number;
  /** When the log saw it. */
  readonly atMs: number;
}
