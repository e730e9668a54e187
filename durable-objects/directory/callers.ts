/** Objects that have sockets of SAEs (KeyStream, Room), and whose of them may not be there any more. */
import type { SaeEntry } from "../../shared/network/document.ts";
import type { CallersCall } from "../../shared/network/directory-types.ts";
import { revocationKey, revokedKeys } from "../../shared/network/lookup.ts";
import type { DirectoryParts } from "./changes.ts";
import type { Watchers } from "./watchers.ts";

/** @returns which of the callers, by number. The object is told of every change from then on if there are any */
export function goneCallers(
  { store }: DirectoryParts,
  objects: Watchers,
  { object, callers }: CallersCall,
): readonly number[] {
  const { sequence, document } = store.view();
  if (callers.length > 0) objects.saw(object, sequence);
  else objects.forget(object);
  const revoked = revokedKeys(store.revocations());
  const saes = new Map(document.saes.map((sae) => [sae.id, sae]));
  const agents = new Set(document.agents.map(({ id }) => id));
  return callers.flatMap(({ principal, sae, node, credentials, agent }, number) => {
    const isRevoked = [revocationKey("principal", principal), ...credentials].some((key) => revoked.has(key));
    const entry = saes.get(sae);
    const isVouchedFor = agent === null ? credentials.every((key) => mayShow(entry, key)) : agents.has(agent);
    return isRevoked || !isVouchedFor || entry?.node !== node ? [number] : [];
  });
}

/** Is a token still one of the SAE's? Which certificates are, their fingerprints alone do not tell. */
const mayShow = (sae: SaeEntry | undefined, key: string): boolean =>
  !key.startsWith(revocationKey("token", "")) ||
  sae?.credentials.some((each) => each.type === "token" && revocationKey("token", each.sha256) === key) === true;
