/** What SAEs and an operator ask of a running engine, over plain HTTP with bearer tokens. */
import { createHash, randomBytes } from "node:crypto";
import type { AuditRecord } from "../../shared/audit/event.ts";
import { writeBatch } from "../../shared/batch/batch.ts";
import { AnswerReader } from "../../shared/batch/read-answers.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { pushLink } from "../support/network-document.ts";
import { eventually } from "../support/operator.ts";
import type { RunningEngine } from "./engine.ts";

export interface Key {
  readonly key_ID: string;
  readonly key: string;
}

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The longest there is. */
export const GRACE_SECONDS = 30;

/** SAEs that are there to be revoked, one a phase. */
const SPARE_SAES = ["spare-1", "spare-2", "spare-3", "spare-4"] as const;
const NODE_OF: Readonly<Record<string, string>> = {
  a: "tn-1",
  a2: "tn-1",
  b: "tn-2",
  c: "tn-3",
  ...Object.fromEntries(SPARE_SAES.map((name) => [name, "tn-1"])),
};

/** Bearer tokens by name, the same for a deployment's whole life. */
const TOKENS: Readonly<Record<string, string>> = Object.fromEntries(
  ["operator", ...Object.keys(NODE_OF)].map((name) => [name, randomBytes(32).toString("base64url")]),
);
const tokenOf = (name: string): string => TOKENS[name] ?? name;

/** Three nodes, two links; of one, blocks wait for their twins. Both releases take it. */
export const DOCUMENT: NetworkDocumentInput = {
  nodes: [{ id: "tn-1" }, { id: "tn-2" }, { id: "tn-3" }],
  links: [
    pushLink("l-12", "tn-1", "tn-2", { shards: 2 }),
    pushLink("l-13", "tn-1", "tn-3", { feed: "two-ended", shards: 2 }),
  ],
  saes: Object.entries(NODE_OF).map(([id, node]) => ({
    id,
    node,
    credentials: [
      { type: "token", sha256: sha256(tokenOf(id)) },
      { type: "certificate", match: "cn", value: id },
    ],
  })),
  operators: [{ id: "operator", credentials: [{ type: "token", sha256: sha256(tokenOf("operator")) }] }],
  policy: { delivery_grace_s: GRACE_SECONDS, key_size_bits: { min: 64, default: 256, max: 32_768 } },
};

export class Client {
  readonly #engine: RunningEngine;

  constructor(engine: RunningEngine) {
    this.#engine = engine;
  }

  async fetch(path: string, name: string, init: RequestInit = {}): Promise<Response> {
    return await this.#engine.fetch(path, tokenOf(name), init);
  }

  /** @returns the answer's status */
  async statusOf(path: string, name: string, init: RequestInit = {}): Promise<number> {
    const response = await this.fetch(path, name, init);
    await response.arrayBuffer();
    return response.status;
  }

  async json<T>(path: string, name: string, init: RequestInit = {}): Promise<T> {
    const response = await this.fetch(path, name, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${init.method ?? "GET"} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Puts a document in force. */
  async putNetwork(document: unknown, by: string): Promise<void> {
    const version = (await this.fetch("/api/v1/network", by)).headers.get("etag") ?? "";
    const init = { method: "PUT", headers: { "If-Match": version }, body: JSON.stringify(document) };
    await this.json("/api/v1/network", by, init);
  }

  /** What anybody gets who asks for what is his. */
  async greet(name: string): Promise<number> {
    return await this.statusOf(name in NODE_OF ? "/api/v1/keys/b/status" : "/api/v1/links", name);
  }

  /** Until the Worker has heard of the network that is in force. */
  async untilKnown(name: string, status: number): Promise<void> {
    await eventually(
      async () => await this.greet(name),
      (answered) => answered === status,
      20_000,
    );
  }

  async enc(master: string, slave: string, request: object, idempotencyKey?: string): Promise<readonly Key[]> {
    const headers: Record<string, string> = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey };
    const init = { method: "POST", headers, body: JSON.stringify(request) };
    return (await this.json<{ keys: Key[] }>(`/api/v1/keys/${slave}/enc_keys`, master, init)).keys;
  }

  async dec(slave: string, master: string, keyIds: readonly string[]): Promise<Response> {
    const body = JSON.stringify({ key_IDs: keyIds.map((id) => ({ key_ID: id })) });
    return await this.fetch(`/api/v1/keys/${master}/dec_keys`, slave, { method: "POST", body });
  }

  async push(link: string, block: string, node: string, bytes: Uint8Array<ArrayBuffer>): Promise<[number, string]> {
    const path = `/api/v1/links/${link}/blocks/${block}?node=${node}`;
    const response = await this.fetch(path, "operator", { method: "PUT", body: bytes });
    return [response.status, ((await response.json()) as { outcome?: string }).outcome ?? ""];
  }

  /** Keys asked for by several masters in one batch, as a KME front puts their requests together. */
  async encTogether(master: string, slave: string, requests: number): Promise<readonly Key[]> {
    const caller = {
      tlsClientAuth: {
        certPresented: "1",
        certVerified: "SUCCESS",
        certRevoked: "0",
        certFingerprintSHA256: sha256(master),
        certSubjectDNRFC2253: `CN=${master}`,
        certNotBefore: "Jan  1 00:00:00 2020 GMT",
        certNotAfter: "Jan  1 00:00:00 2100 GMT",
      },
      qkd: { node: NODE_OF[master] },
    };
    const target = `/api/v1/keys/${slave}/enc_keys`;
    const nothing = { body: null, idempotencyKey: null, traceparent: null };
    const batch = Array.from({ length: requests }, (_, at) => {
      return { ...nothing, caller: 0, method: "GET", target, requestId: `request-${at}` } as const;
    });
    const { status, body } = await this.#engine.batch(writeBatch([JSON.stringify(caller)], batch));
    if (status !== 200) throw new Error(`a batch was answered ${status}`);
    return new AnswerReader(requests).push(new TextEncoder().encode(body)).flatMap((answer) => {
      if (answer.status !== 200) throw new Error(`a request of a batch was answered ${answer.status} ${answer.body}`);
      return (JSON.parse(answer.body) as { keys: Key[] }).keys;
    });
  }

  /** A node's audit log from its start. */
  async audit(node: string): Promise<AuditRecord[]> {
    type Page = { records: (Omit<AuditRecord, "atMs"> & { at: string })[]; next: number | null };
    const records: AuditRecord[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: Page = await this.json(`/api/v1/audit?node=${node}&after=${after}&limit=1000`, "operator");
      records.push(...page.records.map(({ at, ...record }) => ({ ...record, atMs: Date.parse(at) })));
      after = page.next;
    }
    return records;
  }
}
