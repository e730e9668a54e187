/** The deployment's alarms in a real object's storage, under a clock of the test's own. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import { Alarms } from "../../durable-objects/monitor/alarms.ts";
import { Database, storedJson } from "../../durable-objects/storage/database.ts";
import type { AuditEvent } from "../../shared/audit/event.ts";
import type { ObjectAlarm, Sample } from "../../shared/monitor/alarm-facts.ts";
import type { WebhookEntry } from "../../shared/network/document.ts";

const SEED = btoa(String.fromCharCode(...new Uint8Array(32).fill(7)));
export const START_MS = Date.parse("2026-01-01T00:00:00Z");
export const SITE: Sample["view"]["sites"][number] = {
  id: "site-a",
  health: "ok",
  reasons: [],
  alarms: 0,
  nodes: ["n1"],
  agents: [],
  services: [],
  streams: 0,
  waiting_bytes: 0,
};

export class World {
  readonly #state: DurableObjectState;
  readonly logged: AuditEvent[] = [];
  nowMs = START_MS;
  webhooks: WebhookEntry[] = [];
  alarms: Alarms;

  constructor(state: DurableObjectState) {
    this.#state = state;
    this.alarms = this.restart();
  }

  restart(seed: string = SEED): Alarms {
    this.alarms = new Alarms({
      db: new Database(this.#state.storage),
      env: { QKD_IDENTITY_SEED: seed },
      logOf: (node) => ({
        append: async ({ firstSeq, events }) => {
          expect(node).toBe("deployment");
          const list = typeof events === "string" ? storedJson<AuditEvent[]>(events) : events;
          this.logged.push(...list);
          return { storedSeq: firstSeq + list.length - 1 };
        },
      }),
      nowMs: () => this.nowMs,
    });
    return this.alarms;
  }

  /** A look at the network, at whose one site these alarms stand. */
  judge(told: readonly ObjectAlarm[] = [], more: Partial<Sample> = {}): void {
    const view = { nodes: [], links: [], pairs: [], sites: [SITE] };
    const sample: Sample = {
      view,
      arePairsKnown: true,
      faults: [],
      unheardLogs: [],
      told: [{ of: { kind: "site", id: "site-a" }, alarms: told, isWhole: true }],
      hubs: [],
      ...more,
    };
    this.alarms.judge(sample, { name: "test", webhooks: this.webhooks });
  }

  /** What is due, to its end. */
  async work(): Promise<void> {
    await Promise.all(this.alarms.begin());
  }

  sql<T>(query: string): T[] {
    return this.#state.storage.sql.exec(query).toArray() as T[];
  }
}

let count = 0;
export const freshObject = () => (env as unknown as ObjectsEnv).MONITOR.getByName(`alarms of test ${++count}`);

export async function within(work: (world: World) => Promise<void>, object = freshObject()): Promise<void> {
  await object.webhooks();
  const run = async (_: unknown, state: DurableObjectState) => await work(new World(state));
  await runInDurableObject(object as never, run);
}

export const told = (subject: string, more: Partial<ObjectAlarm> = {}): ObjectAlarm => ({
  code: "too-much",
  subject,
  firstMs: START_MS,
  lastMs: START_MS,
  count: 1,
  detail: "x",
  ...more,
});

/** An agent whose clock is so much ahead. */
export const ahead = (clockAheadMs: number): Pick<Sample, "hubs"> => ({
  hubs: [
    {
      site: "site-a",
      agents: [{ agent: "a", instance: "i", enrolledMs: 0, state: "active", connectedMs: 0, clockAheadMs }],
    },
  ],
});
