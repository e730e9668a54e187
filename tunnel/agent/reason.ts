/** Why something failed, in words for a log. */
import { messageOf } from "../log.ts";

/** A name with several addresses fails with one error for each, and no words of its own. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === "") {
    return [...new Set(thrown.errors.map((each: unknown) => messageOf(each)))].join("; ");
  }
  return messageOf(thrown);
}
