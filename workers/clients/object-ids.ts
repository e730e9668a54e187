/** IDs of objects by name: to make one costs as much as the rest of a call. */
import type { ObjectNamespace } from "../../durable-objects/env.ts";
import { LIMITS } from "../../shared/limits.ts";

export class ObjectIds {
  readonly #ids = new Map<string, DurableObjectId>();

  get<Rpc>(namespace: ObjectNamespace<Rpc>, name: string): Rpc {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = namespace.idFromName(name);
      if (this.#ids.size >= LIMITS.cachedObjectIds) this.#ids.clear();
      this.#ids.set(name, id);
    }
    return namespace.get(id);
  }
}
