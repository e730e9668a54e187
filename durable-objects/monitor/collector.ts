/** Asks the deployment's objects how they are: some at once, each for a bounded time. One that fails is not known, and no more. */
import type { AuditRecord } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Answers, type RelayedPool, type Target, targetsOf } from "../../shared/monitor/answers.ts";
import type { LogFault } from "../../shared/monitor/alarm-facts.ts";
import type { WatchedNetwork } from "../../shared/monitor/network.ts";
import type { Result } from "../../shared/result.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { within } from "../within.ts";
import { AuditTail } from "./audit-tail.ts";

/** As the pools' buckets know it. */
const PRINCIPAL = "monitor";

type Mutable<T> = T extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never;
type Store = { readonly [Kind in keyof Answers]: Mutable<Answers[Kind]> };

export class Collector {
  readonly #env: ObjectsEnv;
  readonly #store: Store = {
    pools: new Map(),
    modules: new Map(),
    nodes: new Map(),
    ipsec: new Map(),
    hubs: new Map(),
  };
  readonly #audit = new AuditTail();
  #pairs: readonly RelayedPool[] | null = null;
  /** When they were listed last. */
  #listedMs = -Infinity;
  /** Where the next sample goes on, where there are more objects than one sample asks. */
  #next = 0;

  constructor(env: ObjectsEnv) {
    this.#env = env;
  }

  get answers(): Answers {
    return this.#store;
  }

  /** The pools of relayed key; null: nobody has told so far which there are. */
  get pairs(): readonly RelayedPool[] | null {
    return this.#pairs;
  }

  /** The oldest first. */
  get audit(): readonly AuditRecord[] {
    return this.#audit.records;
  }

  get faults(): readonly LogFault[] {
    return this.#audit.faults;
  }

  get unheardLogs(): readonly string[] {
    return this.#audit.unheard;
  }

  /** The network has changed: the next sample lists the pools of relayed key anew. */
  nudged(): void {
    this.#listedMs = -Infinity;
  }

  /** One sample. @returns the share of all objects that it has asked, up to 1 */
  async collect(network: WatchedNetwork): Promise<number> {
    await this.#list();
    const targets = targetsOf(network, this.#pairs ?? []);
    this.#forget(targets);
    const count = Math.min(targets.length, LIMITS.monitorObjects);
    const first = this.#next < targets.length ? this.#next : 0;
    const asked = [...targets.slice(first), ...targets.slice(0, first)].slice(0, count);
    this.#next = (first + count) % Math.max(1, targets.length);
    const next = asked.values();
    const worker = async (): Promise<void> => {
      for (const target of next) await this.#ask(target, network);
    };
    await Promise.all(Array.from({ length: LIMITS.monitorAtOnce }, worker));
    return count / Math.max(1, targets.length);
  }

  async #ask({ kind, name }: Target, { sequence: configVersion }: WatchedNetwork): Promise<void> {
    const env = this.#env;
    const store = this.#store;
    switch (kind) {
      case "pool": {
        const call = { configVersion, principal: PRINCIPAL, streams: true };
        store.pools.set(name, await told(() => env.KEY_POOL.getByName(name).status(call)));
        return;
      }
      case "module":
        store.modules.set(name, await told(() => env.QKD_MODULE.getByName(name).status()));
        return;
      case "node": {
        const call = { configVersion, quiet: true };
        store.nodes.set(name, await told(() => env.TRUSTED_NODE.getByName(name).status(call)));
        return;
      }
      case "ipsec":
        store.ipsec.set(name, await told(() => env.PROXY_AGENT.getByName(name).counts()));
        return;
      case "hub":
        store.hubs.set(name, await answered(() => env.TUNNEL_HUB.getByName(name).status()));
        return;
      case "audit": {
        const latest = await answered(() => env.AUDIT_LOG.getByName(name).latest(this.#audit.call(name)));
        if (latest !== null) this.#audit.add(name, latest);
      }
    }
  }

  /** Seldom, as every sample of every deployment would ask the one Directory for a long list. */
  async #list(): Promise<void> {
    if (Date.now() - this.#listedMs < LIMITS.monitorPairsMs) return;
    this.#listedMs = Date.now();
    const pairs = await answered(() => this.#relayedPools());
    if (pairs === null) this.#listedMs = -Infinity;
    else this.#pairs = pairs;
  }

  async #relayedPools(): Promise<readonly RelayedPool[]> {
    const directory = this.#env.DIRECTORY.getByName(DIRECTORY_NAME);
    const pools: RelayedPool[] = [];
    let after: string | null = "";
    while (after !== null && pools.length < LIMITS.monitorPairs) {
      const page = await directory.relayPools({ after, limit: LIMITS.monitorPairs });
      pools.push(...page.pools);
      after = page.next;
    }
    return pools.slice(0, LIMITS.monitorPairs);
  }

  /** What is not in the network any more. */
  #forget(targets: readonly Target[]): void {
    const there = new Set(targets.map(({ kind, name }) => `${kind}:${name}`));
    const kinds = { pools: "pool", modules: "module", nodes: "node", ipsec: "ipsec", hubs: "hub" } as const;
    for (const [table, kind] of Object.entries(kinds) as [keyof Store, string][]) {
      for (const name of this.#store[table].keys()) if (!there.has(`${kind}:${name}`)) this.#store[table].delete(name);
    }
    this.#audit.keepOnly(new Set(targets.flatMap(({ kind, name }) => (kind === "audit" ? [name] : []))));
  }
}

/** Null where it does not answer in time, or not well. */
async function answered<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return (await within(LIMITS.monitorAnswerMs, ask())) ?? null;
  } catch {
    return null;
  }
}

async function told<T>(ask: () => Promise<Result<T, unknown>>): Promise<T | null> {
  const answer = await answered(ask);
  return answer?.ok === true ? answer.value : null;
}
