/** Key for the tags that authenticate relays, which direct use of the link leaves: shared/keypool/link-budget.ts. */
import type { PoolConfig, Ledger } from "../../shared/keypool/types.ts";
import type { NodeId } from "../../shared/ids.ts";
import { Supply } from "./supply.ts";
import type { UnitStore } from "./unit-store.ts";

/** How much that is: nothing before the link has carried a relay. */
export const floorBytesOf = ({ tag }: Ledger, config: PoolConfig | undefined): number =>
  tag > 0 ? (config?.policy.relay.authentication_floor_bytes ?? 0) : 0;

/** A supply that always leaves the floor. */
export class LinkSupply extends Supply {
  readonly #floorBytes: () => number;

  constructor(store: UnitStore, owner: NodeId | null, floorBytes: () => number) {
    super(store, owner);
    this.#floorBytes = floorBytes;
  }

  override has(bytes: number): boolean {
    return super.has(bytes + this.#floorBytes());
  }
}
