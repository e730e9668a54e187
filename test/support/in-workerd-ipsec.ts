/**
 * Two nodes with IPsec hosts for tests of ProxyAgent objects: real objects, whose site agents are stand-ins behind the
 * hub's binding. Their hosts are sets of names, and a key is made once both agents have come for it.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import type { ProxyAgent } from "../../durable-objects/proxy-agent/proxy-agent.ts";
import type { AuditEvent } from "../../shared/audit/event.ts";
import type { NodeId } from "../../shared/ids.ts";
import { checkSadEntry, checkSpdEntry } from "../../shared/ipsec/entry.ts";
import type { Errand, ErrandLine, Operation, OperationResult } from "../../shared/ipsec/errand.ts";
import type { EntryReason } from "../../shared/ipsec/outcome.ts";
import type { Batch, EntryReport, PostedEntry, ProxyAgentRpc, ProxyAgentStatus } from "../../shared/ipsec/types.ts";
import { RFC_9061 } from "../../shared/ipsec/algorithms.ts";
import type { IpsecNode, IpsecView } from "../../shared/ipsec/view.ts";

const objects = env as unknown as ObjectsEnv;
/** As the test's tools take it; its calls are those of the promise. */
const stubOf = (id: string) => objects.PROXY_AGENT.getByName(id) as unknown as DurableObjectStub<ProxyAgent>;

/** What is not to be found anywhere in an object. */
export const SECRET_OCTETS = "c0:ff:ee:c0:ff:ee:c0:ff:ee:c0:ff:ee:c0:ff:ee:c0";

export const sad = (name: string, spi: number, [from, to] = ["10.0.0.11/32", "10.0.0.20/32"], more: object = {}) => ({
  name,
  reqid: 7,
  "ipsec-sa-config": {
    spi,
    "traffic-selector": { "local-prefix": from, "remote-prefix": to },
    "esp-sa": { encryption: { "encryption-algorithm": 20, key: SECRET_OCTETS, iv: SECRET_OCTETS } },
    ...more,
  },
});
export const BACK = ["10.0.0.20/32", "10.0.0.11/32"] as const;

export function postedSad(...of: Parameters<typeof sad>): PostedEntry {
  const checked = checkSadEntry(sad(...of), RFC_9061);
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  const { entry, warnings, dropped } = checked.value;
  return { kind: "sad", entry, warnings, dropped };
}
export function postedSpd(name: string): PostedEntry {
  const checked = checkSpdEntry(
    {
      name,
      direction: "outbound",
      reqid: 7,
      "ipsec-policy-config": {
        "traffic-selector": { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" },
        "processing-info": {
          action: "protect",
          "ipsec-sa-cfg": { "esp-algorithms": { encryption: [{ id: 1, "algorithm-type": 20, "key-length": 256 }] } },
        },
      },
    },
    RFC_9061,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  return { kind: "spd", ...checked.value };
}

/** Looked for again and again: in the engine no promise of one object may be kept by another. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await scheduler.wait(5);
}

/** Sessions between the two agents: a key for who comes, once both have come. */
class Meetings {
  readonly #sessions = new Map<string, { ksid: string; came: number }>();

  /** @returns null: the other one did not come */
  async meet(name: string, givesUp: () => boolean): Promise<string | null> {
    const open = this.#sessions.get(name);
    const session = open?.came === 1 ? open : { ksid: crypto.randomUUID(), came: 0 };
    session.came += 1;
    this.#sessions.set(name, session);
    await until(() => session.came === 2 || givesUp());
    return session.came === 2 ? session.ksid : null;
  }
}

const failed = (reason: EntryReason): OperationResult => ({ ok: false, reason, message: `a test says ${reason}` });
const nameOf = (operation: Operation): string => ("entry" in operation ? operation.entry.name : operation.name);

/** A site's agent with its host. */
export class FakeAgent {
  readonly errands: Errand[] = [];
  /** Names of what is at the host. */
  readonly host = new Set<string>();
  readonly #held = new Set<string>();
  readonly #done = new Map<string, ErrandLine[]>();
  readonly #meetings: Meetings;
  connected = true;
  /** Its service; null: it has not told yet. */
  exposes: string | null = "ipsec";
  /** Answers that it gives instead of beginning an errand. */
  readonly refusals: number[] = [];
  /** Of the next errand: how many lines come before the connection breaks. */
  breakAfter: number | null = null;
  /** Of the next errand with such an operation: the connection breaks before the first line, and does not come back. */
  breakOn: Operation["do"] | null = null;
  forgets = false;
  /** Who waits for the other end gives up. */
  givesUp = false;
  /** `do:name` -> what comes of it. */
  readonly outcomes = new Map<string, EntryReason>();
  /** SAs whose session is another than the other end's. */
  readonly otherSession = new Set<string>();
  alwaysOther = false;
  /** The other end's agent is somebody else's, and comes. */
  alone = false;
  /** Operations wait, before they are done. */
  waits = false;

  constructor(meetings: Meetings) {
    this.#meetings = meetings;
  }

  readonly hub = {
    status: async () =>
      await Promise.resolve({
        agents: this.connected ? [{ state: "active" }] : [],
        services: this.connected && this.exposes ? [{ name: this.exposes }] : [],
      }),
    fetch: async (request: Request) => {
      if (!this.connected) return new Response("", { status: 503 });
      const refusal = this.refusals.shift();
      if (refusal !== undefined)
        return new Response("no", { status: refusal, headers: { "Content-Type": "text/plain" } });
      const errand = await request.json<Errand>();
      this.errands.push(errand);
      if (!errand.again) this.#done.set(errand.id, []);
      const breaks = errand.operations.some((operation) => operation.do === this.breakOn);
      const breakAfter = breaks ? 0 : this.breakAfter;
      this.breakAfter = null;
      if (breaks) [this.breakOn, this.connected] = [null, false];
      const lines = this.#lines(errand);
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          const next = sent === breakAfter ? null : await lines.next();
          sent += 1;
          if (next === null) controller.error(new Error("the connection broke off"));
          else if (next.done === true) controller.close();
          else controller.enqueue(new TextEncoder().encode(`${JSON.stringify(next.value)}\n`));
        },
      });
      return new Response(body);
    },
  };

  /** Every operation of a kind that it was told to do, in order. */
  did(what: Operation["do"]): string[] {
    return this.errands.flatMap(({ again, operations }) =>
      again ? [] : operations.filter((operation) => operation.do === what).map(nameOf),
    );
  }

  async *#lines({ id, again, operations }: Errand): AsyncGenerator<ErrandLine> {
    const known = this.forgets ? undefined : this.#done.get(id);
    if (again && known === undefined) yield { end: "unknown" };
    else {
      const lines = known ?? [];
      yield* lines;
      for (let index = lines.length; index < operations.length; index++) {
        const operation = operations[index];
        if (operation === undefined) continue;
        await until(() => !this.waits);
        const line = { index, result: await this.#run(operation) };
        lines.push(line);
        yield line;
      }
      yield { end: "done" };
    }
  }

  async #run(operation: Operation): Promise<OperationResult> {
    const name = nameOf(operation);
    const reason = this.outcomes.get(`${operation.do}:${name}`) ?? this.outcomes.get(operation.do);
    const meets = operation.do === "create-sad" || operation.do === "hold";
    // An agent that fails before the key is made leaves the other one waiting, which gives up: here at once.
    if (reason === "peer-not-come" || (reason !== undefined && !meets)) return failed(reason);
    if (operation.do === "create-spd" || operation.do === "install") this.host.add(name);
    if (operation.do === "install" && !this.#held.delete(name)) return failed("not-held");
    if (operation.do === "delete") this.host.delete(name);
    if (operation.do === "forget") this.#held.delete(name);
    if (!meets) return { ok: true };
    const rendezvous = `${operation.key.source} ${operation.key.destination}`;
    const session = this.alone ? crypto.randomUUID() : await this.#meetings.meet(rendezvous, () => this.givesUp);
    if (session === null) return failed("peer-not-come");
    if (reason !== undefined) return failed(reason);
    (operation.do === "hold" ? this.#held : this.host).add(name);
    const ksid = this.alwaysOther || this.otherSession.has(name) ? crypto.randomUUID() : session;
    return { ok: true, key: { ksid, sources: ["ML-KEM-512", "QKD"], dropped: [], confirmed: true } };
  }
}

export interface TestNode {
  readonly id: NodeId;
  readonly agent: FakeAgent;
  readonly stub: ProxyAgentRpc;
  /** Its alarm rings. */
  ring(): Promise<void>;
  post(entries: readonly PostedEntry[], waitMs?: number): Promise<Batch>;
  remove(kind: "sad" | "spd", name: string, waitMs?: number): Promise<EntryReport | undefined>;
  status(): Promise<ProxyAgentStatus>;
  /** What is due by its clock is due now; and its alarm rings. */
  hurry(table: "entry" | "errand" | "telling" | "rekey", column?: string): Promise<void>;
  sql<T extends Record<string, SqlStorageValue>>(query: string): Promise<T[]>;
  /** Null: none is set. */
  alarmMs(): Promise<number | null>;
  dropAlarm(): Promise<void>;
}

export interface TestPair {
  readonly one: TestNode;
  readonly two: TestNode;
  readonly audit: AuditEvent[];
  readonly view: { nodes: IpsecNode[]; sequence: number; hides: Set<string> };
  /** Ends an object in the middle of whatever it does, and starts it anew. */
  readonly restart: (node: TestNode) => Promise<void>;
  /** Calls of the objects to each other: a test may stand in the way. */
  deaf: Set<string>;
}

async function valueOf<T>(
  result: Promise<{ ok: true; value: T } | { ok: false; error: { code: string; message: string } }>,
) {
  const answered = await result;
  if (!answered.ok) throw new Error(`${answered.error.code}: ${answered.error.message}`);
  return answered.value;
}

let pairs = 0;

/** @param changes of both nodes */
export async function makePair(changes: Partial<IpsecNode> = {}): Promise<TestPair> {
  pairs += 1;
  const ids = [`ipsec-${pairs}-a`, `ipsec-${pairs}-b`] as NodeId[];
  const meetings = new Meetings();
  const audit: AuditEvent[] = [];
  const prefixes = ["10.0.0.11/32", "10.0.0.20/32"];
  const view: TestPair["view"] = {
    sequence: 1,
    hides: new Set(),
    nodes: ids.map((id, at) => ({
      id,
      uuid: `${"ab"[at]?.repeat(8)}-0000-0000-0000-00000000000${at}`,
      hosted: "here",
      prefixes: [prefixes[at] ?? ""],
      addresses: [`192.168.1.${at + 1}`],
      dialect: RFC_9061,
      qkdRequired: false,
      rekey: false,
      meetMs: 1000,
      ...changes,
    })),
  };
  const agents = new Map(ids.map((id) => [id as string, new FakeAgent(meetings)]));
  const deaf = new Set<string>();
  const viewOf = (node: string): IpsecView => ({
    sequence: view.sequence,
    site: node,
    own: view.nodes.find(({ id }) => id === node && !view.hides.has(id)) ?? null,
    nodes: view.nodes,
    dropsAudit: true,
  });
  const bindings = (self: string) => ({
    ...objects,
    DIRECTORY: { getByName: () => ({ ipsecView: async () => await Promise.resolve(viewOf(self)) }) },
    TUNNEL_HUB: { getByName: (site: string) => agents.get(site)?.hub },
    PROXY_AGENT: {
      getByName: (name: string) => {
        if (deaf.has(name)) throw new Error("a test stands in the way");
        return objects.PROXY_AGENT.getByName(name);
      },
    },
    AUDIT_LOG: {
      getByName: () => ({
        append: async (batch: { firstSeq: number; events: string }) => {
          const events = JSON.parse(batch.events) as AuditEvent[];
          audit.push(...events);
          return await Promise.resolve({ storedSeq: batch.firstSeq + events.length - 1 });
        },
      }),
    },
  });
  const install = async ({ id }: Pick<TestNode, "id">): Promise<void> => {
    await runInDurableObject(stubOf(id), (object) => void Reflect.set(object, "env", bindings(id)));
  };
  const nodes = ids.map((id): TestNode => {
    const rpc = () => objects.PROXY_AGENT.getByName(id);
    const ring = async () => await runInDurableObject(stubOf(id), async (object) => await object.alarm());
    const common = { principal: "controller:c", configVersion: 0 };
    return {
      id,
      agent: agents.get(id) as FakeAgent,
      // Another one after each restart: the one before is broken.
      get stub() {
        return rpc();
      },
      ring,
      post: async (entries, waitMs = 5000) => await valueOf(rpc().post({ ...common, entries, waitMs })),
      remove: async (kind, name, waitMs = 5000) =>
        (await valueOf(rpc().remove({ ...common, entries: [{ kind, name, reqid: "7" }], waitMs }))).entries[0],
      status: async () => await valueOf(rpc().status()),
      hurry: async (table, column = "due_ms") => {
        await runInDurableObject(stubOf(id), (_, { storage }) => {
          storage.sql.exec(`UPDATE ${table} SET ${column} = 0 WHERE ${column} IS NOT NULL`);
        });
        await ring();
      },
      alarmMs: async () => await runInDurableObject(stubOf(id), async (_, { storage }) => await storage.getAlarm()),
      dropAlarm: async () =>
        await runInDurableObject(stubOf(id), async (_, { storage }) => await storage.deleteAlarm()),
      sql: async (query) =>
        await runInDurableObject(stubOf(id), (_, { storage }) => storage.sql.exec(query).toArray() as never),
    };
  });
  for (const node of nodes) await install(node);
  const [one, two] = nodes as [TestNode, TestNode];
  const restart = async (node: TestNode): Promise<void> => {
    await runInDurableObject(stubOf(node.id), (_, state) => state.abort("a test starts it anew")).catch(() => null);
    await install(node);
  };
  return { one, two, audit, view, restart, deaf };
}

/** Both ends at once. */
export const postBoth = async ({ one, two }: Pick<TestPair, "one" | "two">, entries: readonly PostedEntry[]) =>
  await Promise.all([one.post(entries), two.post(entries)]);

export const told = (batch: Batch) =>
  batch.entries.map(({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`));

/** Until what goes on by itself has come about. */
export const eventually = async (check: () => unknown): Promise<void> => {
  await vi.waitFor(async () => await check(), { timeout: 20_000, interval: 20 });
};
