/** Are there keys with this peer at all? Asked before a conversation is opened, so that a slip of the pen is told at once. */
import { Etsi014Client, RefusedError } from "../../../client/index.ts";
import { reasonOf } from "../core/key-source.ts";

/** Null: yes, or not to be told now. */
export async function whyNoPeer(peer: string, token: string | null): Promise<string | null> {
  const kme = new Etsi014Client({ baseUrl: location.origin, attempts: 1, ...(token === null ? {} : { token }) });
  try {
    await kme.status(peer);
    return null;
  } catch (error) {
    const isSaid = error instanceof RefusedError && error.httpStatus === 400;
    return isSaid ? `No conversation with "${peer}": ${reasonOf(error)}.` : null;
  }
}
