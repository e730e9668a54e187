/** KeyStream objects that have sockets, and whose of them may not be there any more. */
import type { StreamCallersCall } from "../../shared/network/directory-types.ts";
import { revocationKey, revokedKeys } from "../../shared/network/lookup.ts";
import type { DirectoryParts } from "./changes.ts";
import type { Watchers } from "./watchers.ts";

/** @returns which of the callers, by number. The object is told of every change from then on if there are any */
export function goneCallers(
  { store }: DirectoryParts,
  objects: Watchers,
  { object, callers }: StreamCallersCall,
): readonly number[] {
  const { sequence, document } = store.view();
  if (callers.length > 0) objects.saw(object, sequence);
  else objects.forget(object);
  const revoked = revokedKeys(store.revocations());
  const nodeById = new Map(document.saes.map(({ id, node }) => [id, node]));
  const agents = new Set(document.agents.map(({ id }) => id));
  return callers.flatMap(({ principal, sae, node, credentials, agent }, number) => {
    const isRevoked = [revocationKey("principal", principal), ...credentials].some((key) => revoked.has(key));
    const isVouchedFor = agent === null || agents.has(agent);
    return isRevoked || !isVouchedFor || nodeById.get(sae) !== node ? [number] : [];
  });
}
