/** The mechanisms that a thread, or an isolate, keeps ready: few, as each has some MB of memory. */
import type { OpenKem } from "./kem.ts";
import type { KemName } from "./registry.ts";

interface Instance {
  readonly opened: Promise<OpenKem>;
  /** Those who wait for it: it is not ended under them. */
  users: number;
  /** Somebody's work in it has thrown. */
  isBroken: boolean;
}

export class Instances<Name extends KemName> {
  /** The one used last comes last. */
  readonly #kept = new Map<Name, Instance>();
  readonly #most: number;
  readonly #open: (name: Name) => Promise<OpenKem>;

  constructor(most: number, open: (name: Name) => Promise<OpenKem>) {
    this.#most = most;
    this.#open = open;
  }

  /** @param work is done in one go; what it throws ends the instance, as its memory may be in any state */
  async use<T>(name: Name, work: (kem: OpenKem) => T): Promise<T> {
    const instance = this.#kept.get(name) ?? { opened: this.#open(name), users: 0, isBroken: false };
    this.#kept.delete(name);
    this.#kept.set(name, instance);
    instance.users += 1;
    try {
      const kem = await instance.opened;
      if (!instance.isBroken) return work(kem);
    } catch (error) {
      instance.isBroken = true;
      if (this.#kept.get(name) === instance) this.#kept.delete(name);
      throw error;
    } finally {
      instance.users -= 1;
      if (this.#kept.get(name) === instance) this.#trim();
      else end(instance);
    }
    // It broke under somebody who came before.
    return await this.use(name, work);
  }

  /** Those in use end after it. */
  close(): void {
    const instances = [...this.#kept.values()];
    this.#kept.clear();
    for (const instance of instances) end(instance);
  }

  #trim(): void {
    for (const [name, instance] of this.#kept) {
      if (this.#kept.size <= this.#most) return;
      if (instance.users > 0) continue;
      this.#kept.delete(name);
      end(instance);
    }
  }
}

function end({ opened, users }: Instance): void {
  // One that could not be opened has told whoever wanted it; one that is broken may not let itself be closed.
  if (users === 0) void opened.then((kem) => kem.close()).catch(() => undefined);
}
