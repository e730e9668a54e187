/** Kinds of members that bodies of `/api/v1/streams` have, with the words in which a wrong one is refused. */
import * as v from "valibot";

const U32_MAX = 0xffff_ffff;
export const integer = (min: number) => {
  const message = `shall be an integer from ${min} to ${U32_MAX}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(U32_MAX, message));
};
export const count = integer(0);
export const textUpTo = (max: number) =>
  v.pipe(v.string("shall be a string"), v.maxLength(max, `shall have at most ${max} characters`));
export const OBJECT = "shall be a JSON object";
