/** How `broken-kme.ts` answers: clause by clause as it should, unless its fault says otherwise. */
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { MESSAGES } from "../../cli/doctor/etsi014/expect.ts";
import type { FaultName } from "./broken-kme-faults.ts";
import { type BrokenKmeStore, CAPACITY_KEYS, KEY_SIZE_BITS, type StoredKey } from "./broken-kme-store.ts";

export interface Reply {
  readonly status: number;
  /** Text goes out as it is, anything else as JSON; undefined: nothing. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;

/** SAE -> its site. */
const SITES: ReadonlyMap<string, number> = new Map([
  ["sae-a", 1],
  ["sae-c", 2],
  ["sae-c2", 2],
  ["sae-a2", 1],
  ["sae://odd/ü %41?#..", 2],
]);
const MIN_BITS = 64;
const MAX_BITS = 1024;
const MOST_KEYS = 128;
const MOST_SLAVES = 8;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const METHODS: Readonly<Record<string, readonly string[]>> = {
  status: ["GET"],
  enc_keys: ["GET", "POST"],
  dec_keys: ["GET", "POST"],
};
/** An extension that is supported, and never met. */
const SUPPORTED = "route";

class Refusal extends Error {
  readonly status: number;
  readonly details: readonly Json[] | undefined;

  constructor(message: string, status = 400, details?: readonly Json[]) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export class BrokenKmeRequests {
  readonly #site: number;
  readonly #store: BrokenKmeStore;
  readonly #fault: FaultName | undefined;

  constructor(site: number, store: BrokenKmeStore, fault: FaultName | undefined) {
    this.#site = site;
    this.#store = store;
    this.#fault = fault;
  }

  async answer(request: IncomingMessage, body: Buffer, caller: string): Promise<Reply> {
    try {
      return { status: 200, body: await this.#serve(request, body.toString("utf8"), caller) };
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      return this.#refuse(thrown);
    }
  }

  #refuse({ status, message, details }: Refusal): Reply {
    if (this.#fault === "consumes-on-refusal") this.#store.waste();
    if (status === 401) return { status };
    if (this.#fault === "refuses-in-html") return { status, body: "<html>no</html>" };
    if (this.#fault === "refuses-without-message") return { status, body: { message: "" } };
    return { status, body: { message, ...(details === undefined ? {} : { details }) } };
  }

  async #serve(request: IncomingMessage, body: string, caller: string): Promise<unknown> {
    const { pathname, searchParams } = new URL(request.url ?? "", "https://kme");
    const [, encoded = "", action = ""] = /^\/api\/v1\/keys\/([^/]+)\/(\w+)$/.exec(pathname) ?? [];
    const methods = METHODS[action];
    if (methods === undefined) throw new Refusal("no such path", 404);
    if (!methods.includes(request.method ?? "")) {
      if (this.#fault !== "takes-any-method") throw new Refusal("method not allowed", 405);
    }
    const known = SITES.get(caller) === this.#site || (this.#fault === "serves-anybody" && !SITES.has(caller));
    if (!known) throw new Refusal("", 401);
    const peer = this.#fault === "decodes-nothing" ? encoded : decodeURIComponent(encoded);
    if (action === "status") return this.#status(caller, peer);
    const isPost = request.method === "POST";
    const asked = isPost ? this.#parsed(body) : fromQuery(searchParams);
    if (this.#fault === "reads-no-ids-in-queries" && !isPost && action === "dec_keys") throw new Refusal("key_IDs");
    return action === "enc_keys" ? this.#enc(caller, peer, asked, isPost) : await this.#dec(caller, peer, asked);
  }

  #parsed(body: string): Json {
    if (body === "") return {};
    let json: unknown;
    try {
      json = JSON.parse(body);
    } catch {
      if (this.#fault === "takes-any-body") return {};
      throw new Refusal("the body is not JSON");
    }
    if (!isRecord(json)) throw new Refusal("the body is not an object");
    return json;
  }

  #status(master: string, slave: string): unknown {
    if (!SITES.has(slave)) {
      if (this.#fault === "breaks-on-unknown-slaves") throw new Refusal("null pointer", 500);
      throw new Refusal("unknown SAE");
    }
    const [here, there] = [this.#site, this.#fault === "mixes-up-kmes" ? 2 : SITES.get(slave)];
    return {
      source_KME_ID: `kme-${here}`,
      target_KME_ID: `kme-${there}`,
      master_SAE_ID: this.#fault === "forgets-who-asks" ? "sae-a2" : master,
      slave_SAE_ID: slave,
      key_size: KEY_SIZE_BITS,
      stored_key_count: this.#store.storedKeys,
      ...(this.#fault === "leaves-out-members"
        ? {}
        : { max_key_count: this.#fault === "stores-too-much" ? 1 : CAPACITY_KEYS }),
      max_key_per_request: MOST_KEYS,
      max_key_size: MAX_BITS,
      min_key_size: MIN_BITS,
      max_SAE_ID_count: MOST_SLAVES,
      ...(this.#fault === "extends-status-by-text" ? { status_extension: "text" } : {}),
    };
  }

  #enc(master: string, slave: string, asked: Json, isPost: boolean): unknown {
    this.#checkExtensions(asked);
    const number = Math.min(this.#whole(asked, "number", 1), this.#fault === "cuts-numbers" ? MOST_KEYS : Infinity);
    const sizeBits = this.#whole(asked, "size", this.#fault === "has-another-default" ? MIN_BITS : KEY_SIZE_BITS);
    if (sizeBits > 0 && sizeBits % 8 !== 0) throw new Refusal(this.#said("size"));
    if (sizeBits < MIN_BITS || sizeBits > MAX_BITS) {
      if (this.#fault !== "takes-any-size" || sizeBits <= 0) throw new Refusal("size out of range");
    }
    if (number < 1 || number > MOST_KEYS) throw new Refusal("number out of range");
    const additional = isPost || this.#fault === "multicasts-by-get" ? this.#additional(asked, master, slave) : [];
    if (!SITES.has(slave) || slave === master) throw new Refusal("no such slave");
    const given = this.#fault === "ignores-number" ? 1 : number;
    const bits = this.#fault === "ignores-size" ? KEY_SIZE_BITS : sizeBits;
    const keys = this.#store.make({ master, slaves: [slave, ...additional], number: given, sizeBits: bits });
    if (keys === undefined) throw new Refusal("not enough keys", this.#fault === "says-500-when-dry" ? 500 : 503);
    const container = containerOf(keys);
    if (this.#fault !== "saves-on-padding") return container;
    return { keys: container.keys.map(({ key, ...entry }) => ({ ...entry, key: key.replace(/==$/, "") })) };
  }

  #checkExtensions({ extension_mandatory: mandatory, extension_optional: optional, ...others }: Json): void {
    const names = listOf(mandatory).flatMap((entry) => (isRecord(entry) ? Object.keys(entry) : []));
    const unknown = names.filter((name) => name !== SUPPORTED);
    if (unknown.length > 0 && this.#fault !== "ignores-what-is-mandatory") {
      const details = unknown.map((name) => ({ extension_mandatory_unsupported: name }));
      throw new Refusal(this.#said("unsupported"), 400, this.#fault === "gives-no-details" ? undefined : details);
    }
    if (names.includes(SUPPORTED)) throw new Refusal(this.#said("unmet"));
    if (this.#fault === "says-other-words" && listOf(optional).length > 0) throw new Refusal("optional extension");
    if (this.#fault === "refuses-empty-lists" && (isEmpty(mandatory) || isEmpty(optional))) throw new Refusal("empty");
    const isStrange = Object.keys(others).some((name) => name.startsWith("zzz") || name === "key_type");
    if (this.#fault === "breaks-on-the-unknown" && isStrange) throw new Refusal("unexpected member", 500);
  }

  #whole(asked: Json, name: "number" | "size", standard: number): number {
    const value =
      this.#fault === "takes-text-for-numbers" ? Number(asked[name] ?? standard) : (asked[name] ?? standard);
    if (typeof value !== "number" || !Number.isInteger(value)) throw new Refusal(`${name} is not a whole number`);
    return value;
  }

  #additional({ additional_slave_SAE_IDs: list = [] }: Json, master: string, slave: string): readonly string[] {
    const ids = Array.isArray(list) ? (list as readonly string[]) : [];
    if (ids.length > MOST_SLAVES && this.#fault !== "takes-any-number-of-slaves") throw new Refusal("too many slaves");
    const isBad = ids.some((id, at) => !SITES.has(id) || id === master || id === slave || ids.indexOf(id) !== at);
    if (isBad && this.#fault !== "takes-any-number-of-slaves") throw new Refusal("additional_slave_SAE_IDs");
    if (this.#fault === "forgets-additional-slaves") return [];
    if (this.#fault === "refuses-additional-slaves" && ids.length > 0) throw new Refusal("not implemented");
    return ids;
  }

  async #dec(caller: string, master: string, { key_IDs: list }: Json): Promise<unknown> {
    if (!Array.isArray(list) || list.length === 0) throw new Refusal("key_IDs");
    const ids = list.map((entry: unknown) => (isRecord(entry) ? entry["key_ID"] : undefined));
    if (!ids.every((id) => typeof id === "string" && UUID.test(id))) throw new Refusal("key_ID");
    const named = (ids as readonly string[]).map((id) => id.toLowerCase());
    if (new Set(named).size !== named.length || named.length > MOST_KEYS) throw new Refusal("key_IDs");
    const keys = this.#fetchable(named, caller, master);
    // What is checked here is only taken afterwards.
    if (this.#fault === "checks-before-a-pause") await sleep(20);
    if (this.#fault !== "gives-keys-twice") for (const { waiting } of keys) waiting.delete(caller);
    return this.#decContainer(keys, caller);
  }

  #fetchable(ids: readonly string[], caller: string, master: string): readonly StoredKey[] {
    const found = ids.map((id) => this.#store.find(id));
    const isForOthers = (key: StoredKey | undefined) =>
      key !== undefined && (key.master !== master || !(key.waiting.has(caller) || key.fetched.has(caller)));
    if (this.#fault !== "gives-keys-to-anybody" && found.some(isForOthers)) {
      if (this.#fault === "loses-keys-to-others") for (const key of found) key?.waiting.clear();
      throw new Refusal("", this.#fault === "says-400-to-others" ? 400 : 401);
    }
    return found.map((key) => {
      const isWaiting = this.#fault === "gives-keys-to-anybody" || key?.waiting.has(caller);
      if (key === undefined || !isWaiting) throw new Refusal(this.#said("notFound"));
      return key;
    });
  }

  #decContainer(keys: readonly StoredKey[], caller: string): unknown {
    for (const { fetched } of keys) fetched.add(caller);
    const { keys: entries } = containerOf(keys);
    if (this.#fault === "gives-the-first-only") return { keys: entries.slice(0, 1) };
    if (this.#fault === "gives-other-bytes-to-c" && caller === "sae-c2") {
      return { keys: entries.map((entry) => ({ ...entry, key: Buffer.alloc(32, 7).toString("base64") })) };
    }
    return { keys: entries };
  }

  #said(message: keyof typeof MESSAGES): string {
    return this.#fault === "says-other-words" ? "no" : MESSAGES[message];
  }
}

const isEmpty = (list: unknown): boolean => Array.isArray(list) && list.length === 0;
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

const containerOf = (keys: readonly StoredKey[]) => ({
  keys: keys.map(({ id, key }) => ({ key_ID: id, key: key.toString("base64") })),
});

/** A query as the body that means the same. */
function fromQuery(query: URLSearchParams): Json {
  const asked: Record<string, unknown> = Object.fromEntries(query);
  for (const name of ["number", "size"] as const) {
    if (query.has(name)) asked[name] = Number(query.get(name));
  }
  if (query.has("key_ID")) asked["key_IDs"] = query.getAll("key_ID").map((key_ID) => ({ key_ID }));
  if (query.has("additional_slave_SAE_IDs"))
    asked["additional_slave_SAE_IDs"] = query.getAll("additional_slave_SAE_IDs");
  return asked;
}
