/** Answers to who wanted a WebSocket and gets none. */
import { type Fault, HTTP_STATUS } from "../../shared/errors/errors.ts";
import { STATUS, type StatusName } from "../../shared/etsi004/status.ts";

/** @param status as ETSI GS QKD 004 has it, where there is one */
export function refused({ code, message }: Pick<Fault, "code" | "message">, status?: StatusName): Response {
  const told = status === undefined ? { message } : { message, status: STATUS[status] };
  return Response.json(told, { status: HTTP_STATUS[code] });
}
