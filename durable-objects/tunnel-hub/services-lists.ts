/** Text messages of agents: what an owner exposes, and nothing else. */
import * as v from "valibot";
import { parseJson } from "../../shared/bytes/json.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type ServicesMessage, ServicesMessageSchema } from "../../shared/tunnel/messages.ts";
import type { Connection } from "./connection.ts";
import type { Sessions } from "./sessions.ts";

/** Each list is read, written down and held against every peer: whoever sends them without end is closed. */
export function hearText(sessions: Sessions, connection: Connection, text: string, nowMs: number): void {
  const role = connection.member?.role;
  const message = role === undefined || role === "peer" ? null : parse(text);
  if (message === null) sessions.expel(connection, "bad-message");
  else if (connection.countList(nowMs)) sessions.exposes(connection, message.services);
  else sessions.tooMuch(connection);
}

function parse(text: string): ServicesMessage | null {
  if (text.length > LIMITS.tunnelTextChars) return null;
  const json = parseJson(text, LIMITS.jsonDepth);
  if (!json.ok) return null;
  const message = v.safeParse(ServicesMessageSchema, json.value);
  return message.success ? message.output : null;
}
