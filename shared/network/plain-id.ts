/**
 * Ids of what has a place in the network (nodes, links, sites, agents, services): they become parts of URLs, of names of
 * objects and files, and of tokens, so that none needs an escape or can pass for two parts.
 */
import * as v from "valibot";

/** Source of a regular expression, not anchored. */
export const PLAIN_ID = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";

/** Of a text that is one already: for schemas with words of their own for what is no text. */
export const plainIdForm = v.regex<string, string>(
  new RegExp(`^${PLAIN_ID}$`),
  "shall have 1 to 64 of A-Z a-z 0-9 . _ -, and begin with a letter or digit",
);

export const PlainIdSchema = v.pipe(v.string(), plainIdForm);
