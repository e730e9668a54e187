/** Lines of an agent's answer to an errand, checked: an agent is another program, of another release. */
import * as v from "valibot";
import { parseJson } from "../bytes/json.ts";
import type { ErrandLine } from "./errand.ts";
import { isEntryReason } from "./outcome.ts";

const text = (most: number) => v.pipe(v.string(), v.maxLength(most));
const texts = v.pipe(v.array(text(512)), v.maxLength(32));

const Made = v.object({
  ksid: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  sources: texts,
  dropped: texts,
  confirmed: v.boolean(),
});
const Done = v.object({ ok: v.literal(true), key: v.optional(Made), notes: v.optional(texts) });
const Failed = v.object({
  ok: v.literal(false),
  /** One that this release does not know says that the host did not take it. */
  reason: v.pipe(
    v.string(),
    v.transform((reason) => (isEntryReason(reason) ? reason : "host-refused")),
  ),
  message: v.pipe(
    v.string(),
    v.transform((message) => message.slice(0, MESSAGE_CHARS)),
  ),
});
const Line = v.union([
  v.object({
    index: v.pipe(v.number(), v.integer(), v.minValue(0)),
    result: v.variant("ok", [Done, Failed]),
  }),
  v.object({ end: v.picklist(["done", "unknown"]) }),
]);

const MESSAGE_CHARS = 500;
const DEPTH = 6;

/** @returns null for what is none */
export function readErrandLine(line: string): ErrandLine | null {
  const json = parseJson(line, DEPTH);
  const parsed = json.ok ? v.safeParse(Line, json.value) : null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- absent members are absent, which valibot's types do not say
  return parsed?.success === true ? (parsed.output as ErrandLine) : null;
}
