/** Objects that have sockets of SAEs (KeyStream, Room) or operators (Monitor), and whose of them may not be there any more. */
import type { OperatorEntry, SaeEntry } from "../../shared/network/document.ts";
import { principalName } from "../../shared/auth/principal.ts";
import type { CallersCall } from "../../shared/network/directory-types.ts";
import { revocationKey, revokedKeys } from "../../shared/network/lookup.ts";
import type { DirectoryParts } from "./changes.ts";
import type { Watchers } from "./watchers.ts";

/**
 * @param objects null: the object is told of every change as it is
 * @returns which of the callers, by number. The object is told of every change from then on if there are any
 */
export function goneCallers(
  { store }: DirectoryParts,
  objects: Watchers | null,
  { object, callers }: CallersCall,
): readonly number[] {
  const { sequence, document } = store.view();
  if (callers.length > 0) objects?.saw(object, sequence);
  else objects?.forget(object);
  const revoked = revokedKeys(store.revocations());
  const saes = new Map(document.saes.map((sae) => [sae.id, sae]));
  const operators = new Map(document.operators.map((operator) => [operatorName(operator), operator]));
  const agents = new Set(document.agents.map(({ id }) => id));
  return callers.flatMap(({ principal, sae, node, credentials, agent }, number) => {
    const isRevoked = [revocationKey("principal", principal), ...credentials].some((key) => revoked.has(key));
    const entry = sae === null ? operators.get(principal) : saes.get(sae);
    const isVouchedFor = agent === null ? credentials.every((key) => mayShow(entry, key)) : agents.has(agent);
    const isThere = entry !== undefined && (!("node" in entry) || entry.node === node);
    return isRevoked || !isVouchedFor || !isThere ? [number] : [];
  });
}

const operatorName = ({ id }: OperatorEntry): string => principalName({ role: "operator", id, by: "token" });

/** Is a token still one of the caller's? Which certificates are, their fingerprints alone do not tell. */
const mayShow = (caller: SaeEntry | OperatorEntry | undefined, key: string): boolean =>
  !key.startsWith(revocationKey("token", "")) ||
  caller?.credentials.some((each) => each.type === "token" && revocationKey("token", each.sha256) === key) === true;
