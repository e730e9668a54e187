/** What values in the agent's configuration look like, with words for who wrote it. */
import * as v from "valibot";
import { plainIdForm } from "../shared/network/plain-id.ts";

export const wholeNumber = (min: number, max: number) =>
  v.pipe(
    v.number("shall be a whole number"),
    v.integer("shall be a whole number"),
    v.minValue(min, `shall be at least ${min}`),
    v.maxValue(max, `shall be at most ${max}`),
  );

export const text = (max: number) =>
  v.pipe(
    v.string("shall be a text"),
    v.minLength(1, "shall not be empty"),
    v.maxLength(max, `shall have at most ${max} characters`),
  );

export const filePath = text(4096);

export const plainId = v.pipe(v.string("shall be a text"), plainIdForm);

export const flag = v.boolean("shall be true or false");
export const choice = <const T extends readonly [string, ...string[]]>(...words: T) =>
  v.picklist(words, `shall be ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|::1)$/;
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** A list in which no two entries have the same of something. */
export const distinct = <T>(entries: readonly T[], of: (entry: T) => string): boolean =>
  new Set(entries.map(of)).size === entries.length;
