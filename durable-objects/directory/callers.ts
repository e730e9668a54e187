/** Objects that have sockets of SAEs (KeyStream, Room) or operators (Monitor), and whose of them may not be there any more. */
import type { OperatorEntry, SaeEntry } from "../../shared/network/document.ts";
import { principalName } from "../../shared/auth/principal.ts";
import type { CallersCall } from "../../shared/network/directory-types.ts";
import { revocationKey, revokedKeys } from "../../shared/network/lookup.ts";
import type { DirectoryParts } from "./changes.ts";
import type { Watchers } from "./watchers.ts";

/** Who may be anywhere, as of one sequence. */
interface Known {
  readonly sequence: number;
  readonly revoked: ReadonlySet<string>;
  readonly saes: ReadonlyMap<string, SaeEntry>;
  readonly operators: ReadonlyMap<string, OperatorEntry>;
  readonly agents: ReadonlySet<string>;
}

export class Callers {
  readonly #parts: DirectoryParts;
  /** Of the present sequence; one for all objects, who ask for it one after the other. */
  #known: Known | null = null;

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
  }

  /**
   * @param objects null: the object is told of every change as it is
   * @returns which of the callers, by number. The object is told of every change from then on if there are any
   */
  gone(objects: Watchers | null, { object, callers }: CallersCall): readonly number[] {
    const { sequence, revoked, saes, operators, agents } = this.#current();
    if (callers.length > 0) objects?.saw(object, sequence);
    else objects?.forget(object);
    return callers.flatMap(({ principal, sae, node, credentials, agent }, number) => {
      const isRevoked = [revocationKey("principal", principal), ...credentials].some((key) => revoked.has(key));
      const entry = sae === null ? operators.get(principal) : saes.get(sae);
      const isVouchedFor = agent === null ? credentials.every((key) => mayShow(entry, key)) : agents.has(agent);
      const isThere = entry !== undefined && (!("node" in entry) || entry.node === node);
      return isRevoked || !isVouchedFor || !isThere ? [number] : [];
    });
  }

  #current(): Known {
    const { store } = this.#parts;
    const { sequence, document } = store.view();
    if (this.#known?.sequence !== sequence) {
      this.#known = {
        sequence,
        revoked: revokedKeys(store.revocations()),
        saes: new Map(document.saes.map((sae) => [sae.id, sae])),
        operators: new Map(document.operators.map((operator) => [operatorName(operator), operator])),
        agents: new Set(document.agents.map(({ id }) => id)),
      };
    }
    return this.#known;
  }
}

const operatorName = ({ id }: OperatorEntry): string => principalName({ role: "operator", id, by: "token" });

/** Is a token still one of the caller's? Which certificates are, their fingerprints alone do not tell. */
const mayShow = (caller: SaeEntry | OperatorEntry | undefined, key: string): boolean =>
  !key.startsWith(revocationKey("token", "")) ||
  caller?.credentials.some((each) => each.type === "token" && revocationKey("token", each.sha256) === key) === true;
