/** The OperatorSessions object, and what it says of sessions. */
import type { OperatorSessionsRpc, SessionHolder } from "../../shared/auth/session.ts";
import type { Env } from "../env.ts";
import { TokenWords } from "./token-words.ts";

export const sessionsOf = (env: Env): OperatorSessionsRpc => env.OPERATOR_SESSIONS.getByName("sessions");

/** This isolate's. */
export const sessionWords = new TokenWords<SessionHolder>();
