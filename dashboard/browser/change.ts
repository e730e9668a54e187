/** Changing the network document: drawn up on the version in force, put only if that is still in force. */
import type * as v from "valibot";
import type { NetworkDiffSchema } from "../../shared/api/schemas.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import type { Edit } from "../core/edits.ts";
import type { Answer, Api } from "./api.ts";

export type Consequences = v.InferOutput<typeof NetworkDiffSchema>;

export interface Draft {
  readonly version: number;
  readonly before: NetworkDocument;
  readonly after: NetworkDocument;
  readonly consequences: Consequences;
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly problems: readonly string[];
      /** Somebody else has changed the network meanwhile. */
      readonly isOutdated: boolean;
    };

const PATH = "/api/v1/network";
const OUTDATED = "Somebody else has changed the network meanwhile: this is the change on their version.";

/** Changes nothing. */
export async function drawUp(api: Api, edit: Edit): Promise<Outcome<Draft>> {
  const present = await api.get<NetworkDocument>(PATH);
  if (!present.ok || present.version === null) return refused(present);
  const [before, after] = [present.value, edit.change(present.value)];
  const consequences = await api.send<Consequences>("POST", `${PATH}/diff`, { body: after });
  if (!consequences.ok) return refused(consequences);
  return { ok: true, value: { version: present.version, before, after, consequences: consequences.value } };
}

/** Puts it in force. */
export async function applyChange(api: Api, { version, after }: Draft): Promise<Outcome<null>> {
  const answer = await api.send("PUT", PATH, { body: after, headers: { "If-Match": `"${version}"` } });
  if (answer.ok) return { ok: true, value: null };
  return answer.status === 412 ? { ok: false, problems: [OUTDATED], isOutdated: true } : refused(answer);
}

function refused(answer: Answer<unknown>): Outcome<never> {
  if (answer.ok) return { ok: false, problems: ["There is no network document yet."], isOutdated: false };
  const faults = answer.faults.map(({ pointer, message }) => `${pointer}: ${message}`);
  return { ok: false, problems: [answer.message, ...faults], isOutdated: false };
}
