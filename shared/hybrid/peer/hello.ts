/**
 * The first thing that each of two agents says on their connection. In TLS 1.3 who dials takes it for open before the other
 * end has looked at the certificate: by this it knows that it was let in, and that both mean the same by what follows.
 */
import * as v from "valibot";
import { parseJson } from "../../bytes/json.ts";

const VERSION = 1;

const HelloSchema = v.object({ type: v.literal("hello"), version: v.literal(VERSION) });

export const PEER_HELLO: string = JSON.stringify({ type: "hello", version: VERSION });

export function isPeerHello(text: string): boolean {
  const json = parseJson(text, 1);
  return json.ok && v.is(HelloSchema, json.value);
}
