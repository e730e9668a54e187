/** Keys as both hosts have them: of each SA there is one, it is whole, and nobody has had it before. */
import type { Installed } from "../../../examples/ipsec/installed.ts";
import { GCM_256_BYTES } from "../../../test/support/ipsec-hosts.ts";
import type { IpsecRig } from "../rig.ts";

export class CheckedKeys {
  readonly #seen = new Set<string>();
  readonly #readers: IpsecRig["readers"];

  constructor({ readers }: Pick<IpsecRig, "readers">) {
    this.#readers = readers;
  }

  /** @returns of how many SAs @throws Error naming the first one at fault */
  async check(): Promise<number> {
    const [one, other] = await Promise.all([this.#readers[0].read(), this.#readers[1].read()]);
    if (one.sas.size !== other.sas.size) throw new Error(`the hosts have ${one.sas.size} and ${other.sas.size} SAs`);
    for (const name of one.sas.keys()) this.#look(name, one, other);
    return one.sas.size;
  }

  #look(name: string, one: Installed, other: Installed): void {
    const [key, same] = [one.sas.get(name)?.encryption, other.sas.get(name)?.encryption];
    if (key?.length !== GCM_256_BYTES || same?.equals(key) !== true) throw new Error(`${name}: not the same key`);
    const text = key.toString("base64");
    if (this.#seen.has(text)) throw new Error(`${name}: a key that another SA has had`);
    this.#seen.add(text);
  }
}
