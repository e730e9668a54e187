/**
 * Calls between two releases: while a deploy is in progress, the object called may be of the release before and lack a
 * method. Whoever calls a method that is new in this release says what it does without.
 */

/** The engine tells it by its words alone; test/compat would notice others. */
const WORDS = "does not implement the method";

/** @param error thrown by a call over RPC */
export const isMissingMethod = (error: unknown): boolean => error instanceof TypeError && error.message.includes(WORDS);
