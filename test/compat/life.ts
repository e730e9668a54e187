/**
 * A deployment's life in phases, each of them under other versions of its parts. Whatever one phase leaves open (keys
 * not yet fetched, containers to be repeated, blocks without their twins) the next one ends; and over the whole life
 * no key comes twice.
 */
import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { firstBreak } from "../../shared/audit/chain.ts";
import { eventually } from "../support/operator.ts";
import { Client, DOCUMENT, GRACE_SECONDS, type Key } from "./client.ts";
import type { RunningEngine } from "./engine.ts";

const BLOCK_BYTES = 64 * 1024;
const WINDOW_BYTES = 8;

interface Waiting {
  readonly master: string;
  readonly slave: string;
  readonly keys: readonly Key[];
}
interface Block {
  readonly link: string;
  readonly id: string;
  readonly node: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
interface LinkAnswer {
  readonly pool: {
    readonly conserved: boolean;
    readonly ingested_bits: number;
    readonly ledger_bits: Readonly<Record<string, number>>;
  };
}

export class Life {
  #phase = 0;
  /** Keys by their windows of 64 bits: two that share one share bits. */
  readonly #windows = new Map<string, string>();
  #waiting: Waiting[] = [];
  readonly #fetched: Waiting[] = [];
  readonly #blocks: Block[] = [];
  readonly #halves: Block[] = [];
  #repeatable: { readonly keys: readonly Key[]; readonly untilMs: number } | undefined;
  readonly #revoked: string[] = [];

  /** The first phase: from nothing. */
  async begin(engine: RunningEngine, bootstrapToken: string): Promise<void> {
    const client = new Client(engine);
    await client.putNetwork(DOCUMENT, bootstrapToken);
    await client.untilKnown("operator", 200);
    await client.untilKnown(bootstrapToken, 401);
  }

  /** What all of a deployment's users do in one phase; first of all, what the phase before left them. */
  async phase(engine: RunningEngine): Promise<void> {
    this.#phase += 1;
    const client = new Client(engine);
    await client.untilKnown("operator", 200);
    await this.#finishOld(client);
    await this.#push(client);
    await this.#ask(client);
    await this.#revoke(client);
    await this.#mistakes(client);
    await this.#conserved(client);
    await this.#told(client);
  }

  async #finishOld(client: Client): Promise<void> {
    // On a very slow machine it is too late for that.
    if (Date.now() < (this.#repeatable?.untilMs ?? 0)) {
      const again = await client.enc("a", "b", { number: 2 }, `repeat-${this.#phase - 1}`);
      this.#same(again, this.#repeatable?.keys ?? []);
    }
    for (const waiting of this.#waiting) await this.#fetch(client, waiting);
    this.#waiting = [];
    for (const { master, slave, keys } of this.#fetched) {
      const [first] = keys;
      expect((await client.dec(slave, master, [first?.key_ID ?? ""])).status).toBe(400);
    }
    for (const { link, id, node, bytes } of this.#blocks) {
      expect(await client.push(link, id, node, bytes)).toEqual([200, "already-ingested"]);
      expect(await client.push(link, id, node, Uint8Array.from(randomBytes(BLOCK_BYTES)))).toEqual([409, ""]);
    }
    for (const half of this.#halves.splice(0)) {
      expect(await client.push(half.link, half.id, "tn-3", half.bytes)).toEqual([201, "ingested"]);
      this.#blocks.push(half);
    }
    for (const name of this.#revoked) expect(await client.greet(name)).toBe(401);
  }

  async #push(client: Client): Promise<void> {
    const block = (link: string, name: string): Block => ({
      link,
      id: `${name}-${this.#phase}:0`,
      node: "tn-1",
      bytes: Uint8Array.from(randomBytes(BLOCK_BYTES)),
    });
    const whole = block("l-12", "whole");
    expect(await client.push("l-12", whole.id, "tn-1", whole.bytes)).toEqual([201, "ingested"]);
    this.#blocks.push(whole);
    const matched = block("l-13", "matched");
    expect(await client.push("l-13", matched.id, "tn-1", matched.bytes)).toEqual([202, "unmatched"]);
    expect(await client.push("l-13", matched.id, "tn-3", matched.bytes)).toEqual([201, "ingested"]);
    this.#blocks.push(matched);
    const half = block("l-13", "half");
    expect(await client.push("l-13", half.id, "tn-1", half.bytes)).toEqual([202, "unmatched"]);
    this.#halves.push(half);
    const dead = new Uint8Array(BLOCK_BYTES);
    expect(await client.push("l-12", `dead-${this.#phase}:0`, "tn-1", dead)).toEqual([202, "quarantined"]);
  }

  async #ask(client: Client): Promise<void> {
    const requests = [
      { master: "a", slave: "b", request: { number: 40, size: 256 } },
      { master: "b", slave: "a", request: { number: 3, size: 4096 } },
      { master: "a", slave: "a2", request: { number: 5 } },
      { master: "a", slave: "c", request: { number: 7 } },
    ];
    for (const { master, slave, request } of requests) {
      for (const later of [false, true]) {
        const keys = await client.enc(master, slave, request);
        this.#given(keys);
        if (later) this.#waiting.push({ master, slave, keys });
        else await this.#fetch(client, { master, slave, keys });
      }
    }
    // A part of a batch now, the rest in the next phase.
    const parted = await client.enc("a", "b", { number: 10 });
    this.#given(parted);
    await this.#fetch(client, { master: "a", slave: "b", keys: parted.slice(0, 5) });
    this.#waiting.push({ master: "a", slave: "b", keys: parted.slice(5) });

    const multicast = await client.enc("a", "b", { number: 2, additional_slave_SAE_IDs: ["c"] });
    this.#given(multicast);
    await this.#fetch(client, { master: "a", slave: "b", keys: multicast });
    this.#waiting.push({ master: "a", slave: "c", keys: multicast });

    const untilMs = Date.now() + (GRACE_SECONDS - 5) * 1000;
    const keys = await client.enc("a", "b", { number: 2 }, `repeat-${this.#phase}`);
    this.#given(keys);
    this.#same(await client.enc("a", "b", { number: 2 }, `repeat-${this.#phase}`), keys);
    this.#repeatable = { keys, untilMs };
    this.#waiting.push({ master: "a", slave: "b", keys });

    const status = await client.json<Record<string, unknown>>("/api/v1/keys/b/status", "a");
    expect(status).toMatchObject({ master_SAE_ID: "a", slave_SAE_ID: "b", key_size: 256 });
    expect(status["stored_key_count"]).toBeGreaterThan(0);
  }

  /** Keys that a front asks for in one message. */
  async batch(engine: RunningEngine): Promise<void> {
    const client = new Client(engine);
    const keys = await client.encTogether("a", "b", 12);
    expect(keys).toHaveLength(12);
    this.#given(keys);
    await this.#fetch(client, { master: "a", slave: "b", keys });
  }

  async #revoke(client: Client): Promise<void> {
    const name = `spare-${this.#phase}`;
    expect(await client.greet(name)).toBe(200);
    const revocation = post({ kind: "principal", value: `sae:${name}`, reason: "a test" });
    expect(await client.statusOf("/api/v1/revocations", "operator", revocation)).toBe(201);
    await client.untilKnown(name, 401);
    this.#revoked.push(name);
    const { revocations } = await client.json<{ revocations: unknown[] }>("/api/v1/revocations", "operator");
    expect(revocations).toHaveLength(this.#revoked.length);
  }

  /** Requests at fault, which change nothing. */
  async #mistakes(client: Client): Promise<void> {
    const [waiting] = this.#waiting;
    const keyId = waiting?.keys[0]?.key_ID ?? "";
    const mistakes: readonly (readonly [number, string, string, RequestInit?])[] = [
      [401, "/api/v1/keys/b/enc_keys", "nobody"],
      [400, "/api/v1/keys/nobody/enc_keys", "a"],
      [400, "/api/v1/keys/b/enc_keys", "a", post({ size: 7 })],
      [503, "/api/v1/keys/b/enc_keys", "a", post({ number: 100, size: 32_768 })],
      [401, "/api/v1/keys/a/dec_keys", "c", post({ key_IDs: [{ key_ID: keyId }] })],
      [400, "/api/v1/keys/a/dec_keys", "b", post({ key_IDs: [{ key_ID: keyId }, { key_ID: NO_KEY }] })],
      [400, `/api/v1/network`, "operator", { method: "PUT", headers: { "If-Match": '"1"' }, body: "{}" }],
      [403, "/api/v1/network", "a"],
      [404, "/api/v1/links/l-99", "operator"],
    ];
    for (const [status, path, name, init] of mistakes) {
      expect([path, name, await client.statusOf(path, name, init)]).toEqual([path, name, status]);
    }
  }

  /** Every bit that ever came in is in one state. */
  async #conserved(client: Client): Promise<void> {
    for (const link of ["l-12", "l-13"]) {
      const { pool } = await client.json<LinkAnswer>(`/api/v1/links/${link}`, "operator");
      const sum = Object.values(pool.ledger_bits).reduce((bits, more) => bits + more, 0);
      expect([link, pool.conserved, sum]).toEqual([link, true, pool.ingested_bits]);
    }
  }

  /** What this phase did reaches the audit log in this very phase. */
  async #told(client: Client): Promise<void> {
    await eventually(
      async () => await client.audit("tn-1"),
      (records) => records.some(({ detail }) => detail["block"] === `whole-${this.#phase}:0`),
      30_000,
    );
  }

  /** Every event of the whole life is in the logs, once, and the chain holds. To be read under the present version. */
  async audited(engine: RunningEngine): Promise<void> {
    const client = new Client(engine);
    const blocks = (await client.audit("tn-1")).map(({ detail: { block } }) => String(block));
    for (let phase = 1; phase <= this.#phase; phase++) {
      expect(blocks.filter((block) => block === `whole-${phase}:0`)).toHaveLength(1);
    }
    for (const node of ["tn-1", "tn-2", "tn-3", "deployment"]) {
      const records = await client.audit(node);
      expect([node, firstBreak(records)]).toEqual([node, null]);
      expect(records.filter(({ act }) => act === "audit.gap" || act === "audit.conflict")).toEqual([]);
    }
  }

  async #fetch(client: Client, { master, slave, keys }: Waiting): Promise<void> {
    const response = await client.dec(
      slave,
      master,
      keys.map(({ key_ID: id }) => id),
    );
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${slave} fetches of ${master}: ${response.status} ${text}`);
    this.#same((JSON.parse(text) as { keys: Key[] }).keys, keys);
    this.#fetched.push({ master, slave, keys });
  }

  /** Says no more than whether they are: keys are not to be printed. */
  #same(keys: readonly Key[], expected: readonly Key[]): void {
    expect(keys.map(({ key_ID: id }) => id)).toEqual(expected.map(({ key_ID: id }) => id));
    expect(keys.every(({ key }, at) => key === expected[at]?.key)).toBe(true);
  }

  #given(keys: readonly Key[]): void {
    for (const { key_ID: id, key } of keys) {
      const bytes = Buffer.from(key, "base64");
      expect(bytes.length).toBeGreaterThanOrEqual(WINDOW_BYTES);
      for (let at = 0; at + WINDOW_BYTES <= bytes.length; at++) {
        const window = bytes.toString("latin1", at, at + WINDOW_BYTES);
        const other = this.#windows.get(window);
        if (other !== undefined) throw new Error(`keys ${id} and ${other} share bits`);
        this.#windows.set(window, id);
      }
    }
  }
}

const post = (body: object): RequestInit => ({ method: "POST", body: JSON.stringify(body) });
const NO_KEY = "00000000-0000-4000-8000-000000000000";
