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
  return callers.flatMap(({ principal, sae, node, credential }, number) => {
    const isRevoked =
      revoked.has(revocationKey("principal", principal)) || (credential !== null && revoked.has(credential));
    return isRevoked || nodeById.get(sae) !== node ? [number] : [];
  });
}
