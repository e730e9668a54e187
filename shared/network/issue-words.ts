/** What is wrong with the shape of a network document, in words for who wrote it. Nothing of the value is quoted. */
import type * as v from "valibot";

type Issue = v.BaseIssue<unknown>;
type Words = (issue: Issue) => string;

/** `("push" | "simulated")` -> `push, simulated`. */
const choices = ({ expected }: Issue): string => (expected ?? "").replaceAll(/["()]/g, "").replaceAll(" | ", ", ");
const countOf = ({ input, requirement }: Issue): string =>
  `${String(requirement)} ${Array.isArray(input) ? "entries" : "characters"}`;
const oneOf: Words = (issue) => `shall be one of ${choices(issue)}`;

/** By the issue's type; regular expressions bring their own words with them (`document.ts`). */
const WORDS: Readonly<Record<string, Words>> = {
  strict_object: ({ expected }) => (expected === "never" ? "no such member" : "shall be an object"),
  strict_tuple: ({ expected }) => (expected === "never" ? "one entry too many" : "shall be a list"),
  array: () => "shall be a list",
  string: () => "shall be text",
  number: () => "shall be a number",
  integer: () => "shall be a whole number",
  min_value: ({ requirement }) => `shall be at least ${String(requirement)}`,
  max_value: ({ requirement }) => `shall be at most ${String(requirement)}`,
  min_length: (issue) => (issue.requirement === 1 ? "shall not be empty" : `shall have at least ${countOf(issue)}`),
  max_length: (issue) => `shall have at most ${countOf(issue)}`,
  iso_timestamp: () => "shall be an instant, as in 2027-01-01T00:00:00Z",
  picklist: oneOf,
  variant: oneOf,
  literal: oneOf,
};

/** Valibot's own text for a type not in the table: none of the network document's. */
export function issueInWords(issue: Issue): string {
  if (issue.kind === "schema" && issue.input === undefined) return "missing";
  return WORDS[issue.type]?.(issue) ?? issue.message;
}
