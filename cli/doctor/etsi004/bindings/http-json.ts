/** Bindings whose answers are JSON objects with a status. */
import { type Said, saidCode } from "../application.ts";
import { type HttpAnswer, parsed, type Reach } from "../reach.ts";

export type Members = Readonly<Record<string, unknown>>;
export interface JsonObject {
  readonly http: number;
  readonly members: Members;
}

/** @throws Error where the answer is no JSON object */
export function membersOf({ status, text }: HttpAnswer): JsonObject {
  const value = parsed(text);
  if (typeof value !== "object" || value === null) throw new Error(`HTTP ${status} without a JSON object`);
  return { http: status, members: value as Members };
}

/** @throws Error where the answer is no JSON object */
export const postJson = async (reach: Reach, path: string, wish: object): Promise<JsonObject> =>
  membersOf(await reach.http({ path, body: JSON.stringify(wish) }));

export const saidStatus = ({ http, members }: JsonObject): Said => {
  const { status } = members;
  return saidCode(typeof status === "number" || typeof status === "string" ? status : `HTTP ${http}`);
};
