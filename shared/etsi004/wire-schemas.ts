/** Members that several bindings read alike. The messages end up in front of clients, behind the member's name. */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";
import { ksidOfText } from "./ksid.ts";

export const text = v.pipe(
  v.string("shall be a string"),
  v.check((value) => value.isWellFormed(), "shall be Unicode"),
);

/** Source and destination; what they name is the engine's to judge. */
export const uri = v.pipe(
  text,
  v.maxLength(LIMITS.streamUriChars, `shall have at most ${LIMITS.streamUriChars} characters`),
);

const U32_MAX = 0xffff_ffff;
const range = (min: number) => `shall be an integer from ${min} to ${U32_MAX}`;

export const integerFrom = (min: number) =>
  v.pipe(v.number(range(min)), v.integer(range(min)), v.minValue(min, range(min)), v.maxValue(U32_MAX, range(min)));
export const u32 = integerFrom(0);

/** Of a stream that is to be opened. */
export const newKsid = v.pipe(
  v.string("shall be a UUID"),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const ksid = ksidOfText(dataset.value);
    if (ksid !== null) return ksid;
    addIssue({ message: "shall be a UUID" });
    return NEVER;
  }),
);

/** Of a stream that should be there. Null: text that is no UUID, so there is none. */
export const anyKsid = v.pipe(v.string("shall be a string"), v.transform(ksidOfText));

/** QOS.Metadata_mimetype, `char[256]` in the standard. */
export const mimetype = v.pipe(text, v.maxLength(256, "shall have at most 256 characters"));

/** A length of key as qkd-module 0.9 has it: in bits. */
export const lengthBits = v.pipe(
  u32,
  v.check((bits) => bits % 8 === 0, "shall be a multiple of 8"),
);
