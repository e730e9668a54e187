/** Answers that say no, in words. */
import { CLIENT } from "../shared/limits-client.ts";
import { isRecord } from "../shared/records.ts";
import { RefusedError } from "./errors.ts";
import type { HttpAnswer } from "./exchange.ts";

/** @returns null for anything but a text that says something; of a long one the beginning */
export const textOf = (value: unknown): string | null =>
  typeof value === "string" && value !== "" ? value.slice(0, CLIENT.clientQuoteChars) : null;

/** The Error object's message; of an answer without one, as a proxy's page or an empty 401, the status alone. */
export function refusal(answer: HttpAnswer): RefusedError {
  const { message, details } = isRecord(answer.json) ? answer.json : {};
  const text = textOf(message);
  const status = `HTTP ${answer.status}`;
  return new RefusedError(
    text === null ? status : `${text} (${status})`,
    { ...answer, reason: text ?? status },
    Array.isArray(details) ? details : [],
  );
}
