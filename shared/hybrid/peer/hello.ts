/**
 * The first thing that each of two agents says on their connection. In TLS 1.3 who dials takes it for open before the other
 * end has looked at the certificate: by this it knows that it was let in, and that both mean the same by what follows.
 */
import * as v from "valibot";
import { parseJson } from "../../bytes/json.ts";

const VERSION = 1;

const HelloSchema = v.object({ type: v.literal("hello"), version: v.literal(VERSION) });

export const PEER_HELLO: string = JSON.stringify({ type: "hello", version: VERSION });

/** Of whatever else a later version says along. */
const HELLO_CHARS = 1024;

export function isPeerHello(text: string): boolean {
  const json = text.length <= HELLO_CHARS ? parseJson(text, 1) : null;
  return json?.ok === true && v.is(HelloSchema, json.value);
}
