/** What an error answer says, fit for a log: of an edge, or of a device. */
import * as v from "valibot";
import { LIMITS } from "../../shared/limits.ts";

const Message = v.object({ message: v.string() });
const CONTROL_CHARACTERS = /\p{Cc}+/gu;

/** Without control characters and cut; null where it says nothing: a key container, say, has no such member. */
export function messageIn(json: unknown): string | null {
  const parsed = v.safeParse(Message, json);
  if (!parsed.success) return null;
  return parsed.output.message.replaceAll(CONTROL_CHARACTERS, " ").slice(0, LIMITS.alarmDetailChars);
}
