/**
 * A small client of ETSI GS QKD 014, over real TLS, that does everything right; and, one by one, things wrong, with the cases that
 * have to find each. What is tried on it is the doctor, not the product.
 */
import https from "node:https";
import { text } from "node:stream/consumers";
import type { Ask, Ended, How } from "../../cli/doctor/client/ask.ts";
import type { Certificates } from "../../cli/doctor/client/certificates.ts";
import { isRecord } from "../../shared/records.ts";

interface Found {
  readonly fails: readonly string[];
  /** Of what is only recommended. */
  readonly notes: readonly string[];
}

const idsIn = (ids: string): readonly string[] => (ids === "" ? [] : ids.split(" "));
const found = (fails: string, notes = ""): Found => ({ fails: idsIn(fails), notes: idsIn(notes) });

export const FAULTS = {
  "trusts-any-authority": found("T08"),
  "trusts-any-name": found("T08"),
  "shows-no-certificate": found("T08 C01 C02 C03 C04 C06", "C05"),
  "takes-any-status": found("C01"),
  "crashes-on-what-is-no-json": found("C01"),
  "asks-for-ever": found("C01"),
  "takes-any-number-of-keys": found("C02"),
  "takes-any-length": found("C02"),
  "takes-what-is-no-base64": found("C02"),
  "takes-an-id-twice": found("C02"),
  "takes-other-ids": found("C02"),
  "prints-what-it-refuses": found("C02"),
  "does-not-look-into-containers": found("C02"),
  "never-posts": found("C03 C04"),
  "forgets-extensions": found("C03"),
  "fetches-one-by-one": found("", "C04"),
  "encodes-twice": found("C04"),
  "does-not-encode": found("C04"),
  "never-asks-again": found("", "C05"),
  "ignores-retry-after": found("", "C05"),
  "asks-at-once": found("", "C05"),
  "asks-again-whatever-it-is": found("", "C05"),
  "wants-no-unknown-members": found("C06"),
  "has-no-status-and-no-extensions": found(""),
} as const satisfies Readonly<Record<string, Found>>;
export type ClientFault = keyof typeof FAULTS;

const ATTEMPTS = 4;
const PAUSE_MS = 120;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const BASE64 =
  /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=)$/;
const KEY = /"key":"([A-Za-z0-9+/]{16,}=*)"/g;
const KNOWN = new Set(["keys", "key_ID", "key"]);

interface Got {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

/** What it refuses, in words of its own. */
class Refused extends Error {}
class Crash extends Error {}

interface Around {
  /** Lets that time pass. */
  readonly pause: (ms: number) => void;
  /** Takes every key that is answered, as base64. */
  readonly hears: (key: string) => void;
}

export class BrokenClient {
  readonly #fault: ClientFault | null;
  readonly #url: string;
  readonly #certificates: Certificates;
  readonly #around: Around;
  #output = "";

  constructor(fault: ClientFault | null, url: string, certificates: Certificates, around: Around) {
    this.#fault = fault;
    this.#url = url;
    this.#certificates = certificates;
    this.#around = around;
  }

  /** As the doctor drives it. */
  async make(ask: Ask, signal: AbortSignal): Promise<Ended> {
    this.#output = "";
    const isMissing = ask.call === "status" || ask.mandatory !== undefined || ask.optional !== undefined;
    if (isMissing && this.#fault === "has-no-status-and-no-extensions") return this.#ended("cannot", "exit code 77");
    try {
      await this.#call(ask, signal);
      return this.#ended("done", "exit code 0");
    } catch (error) {
      if (error instanceof Crash) return this.#ended("crash", "exit code 139");
      return this.#ended("error", "exit code 1");
    }
  }

  #ended(how: How, words: string): Ended {
    return { how, words, output: this.#output };
  }

  async #call(ask: Ask, signal: AbortSignal): Promise<void> {
    const { keyIds = [] } = ask;
    if (keyIds.length > 1 && this.#fault === "fetches-one-by-one") {
      for (const id of keyIds) await this.#call({ ...ask, keyIds: [id] }, signal);
      return;
    }
    const got = await this.#untilServed(ask, signal);
    if (got.status !== 200 && this.#fault !== "takes-any-status") throw new Refused(`HTTP ${got.status}`);
    if (got.status !== 200) return;
    const json = this.#json(got.text);
    if (ask.call === "status") this.#check(!this.#isStrict || !("zzz_vendor" in json), "unknown member");
    else this.#take(ask, json);
  }

  get #isStrict(): boolean {
    return this.#fault === "wants-no-unknown-members";
  }

  #json(body: string): Readonly<Record<string, unknown>> {
    try {
      const json: unknown = JSON.parse(body);
      if (isRecord(json)) return json;
    } catch {
      if (this.#fault === "crashes-on-what-is-no-json") throw new Crash();
    }
    throw new Refused("no JSON object");
  }

  /** @throws Refused for what is not what was asked for */
  #take({ number = 1, sizeBits = 256, keyIds }: Ask, { keys, ...more }: Readonly<Record<string, unknown>>): void {
    if (this.#fault === "does-not-look-into-containers") return;
    if (this.#fault === "prints-what-it-refuses") this.#output = JSON.stringify(keys);
    this.#check(Array.isArray(keys), "no list of keys");
    const entries = (keys as readonly unknown[]).filter(isRecord);
    const wanted = keyIds?.length ?? number;
    this.#check(entries.length === wanted || this.#fault === "takes-any-number-of-keys", "another number of keys");
    const seen = new Set<unknown>();
    for (const { key_ID: id, key, ...others } of entries) {
      this.#check(typeof id === "string" && UUID.test(id) && typeof key === "string", "no key");
      this.#check(BASE64.test(String(key)) || this.#fault === "takes-what-is-no-base64", "no base64");
      const isLong = Buffer.from(String(key), "base64").length * 8 === sizeBits;
      const isLax = this.#fault === "takes-any-length" || this.#fault === "takes-what-is-no-base64";
      this.#check(isLong || isLax, "another length");
      this.#check(!seen.has(id) || this.#fault === "takes-an-id-twice", "an ID twice");
      this.#check(keyIds?.includes(String(id)) !== false || this.#fault === "takes-other-ids", "another ID");
      this.#check(
        !this.#isStrict || Object.keys({ ...more, ...others }).every((name) => KNOWN.has(name)),
        "unknown member",
      );
      seen.add(id);
    }
  }

  #check(holds: boolean, words: string): void {
    if (!holds) throw new Refused(words);
  }

  async #untilServed(ask: Ask, signal: AbortSignal): Promise<Got> {
    for (let attempt = 1; ; attempt++) {
      const got = await this.#request(ask, signal);
      const isLater = got.status === 503 || (this.#fault === "asks-again-whatever-it-is" && got.status !== 200);
      const isLast = attempt >= ATTEMPTS && this.#fault !== "asks-for-ever";
      if (!isLater || isLast || this.#fault === "never-asks-again") return got;
      const askedMs = this.#fault === "ignores-retry-after" ? 0 : Number(got.retryAfter ?? 0) * 1000;
      const leastMs = this.#fault === "asks-at-once" ? 1 : PAUSE_MS;
      this.#around.pause(Math.max(askedMs, leastMs));
    }
  }

  async #request(ask: Ask, signal: AbortSignal): Promise<Got> {
    const { path, body } = this.#wireOf(ask);
    const isBlind = this.#fault === "trusts-any-authority";
    const sent = https.request(`${this.#url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      ca: this.#certificates.ca,
      ...(this.#fault === "shows-no-certificate" ? {} : this.#certificates.client),
      agent: false,
      signal,
      rejectUnauthorized: !isBlind,
      ...(this.#fault === "trusts-any-name" ? { checkServerIdentity: () => undefined } : {}),
    });
    const response = new Promise<Got>((resolve, reject) => {
      sent.on("error", reject);
      sent.on("response", (answer) => {
        const retryAfter = answer.headers["retry-after"];
        text(answer).then((whole) => resolve({ status: answer.statusCode ?? 0, text: whole, retryAfter }), reject);
      });
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const got = await response;
    for (const [, key = ""] of got.text.matchAll(KEY)) this.#around.hears(key);
    return got;
  }

  #wireOf(ask: Ask): { readonly path: string; readonly body?: object } {
    const { call, peer, number, sizeBits, keyIds, slaves } = ask;
    const { mandatory, optional } = this.#fault === "forgets-extensions" ? {} : ask;
    const path = `/api/v1/keys/${this.#segment(peer)}/${call}`;
    if (call === "status") return { path };
    const plain = {
      ...(number === undefined ? {} : { number }),
      ...(sizeBits === undefined ? {} : { size: sizeBits }),
    };
    const more = {
      ...(slaves === undefined ? {} : { additional_slave_SAE_IDs: slaves }),
      ...(mandatory === undefined ? {} : { extension_mandatory: mandatory }),
      ...(optional === undefined ? {} : { extension_optional: optional }),
      ...(keyIds === undefined ? {} : { key_IDs: keyIds.map((key_ID) => ({ key_ID })) }),
    };
    const isPlain = Object.keys(more).length === 0;
    if (!isPlain && keyIds?.length !== 1 && this.#fault !== "never-posts") return { path, body: { ...plain, ...more } };
    const pairs = [...Object.entries(plain), ...(keyIds ?? []).map((id) => ["key_ID", id] as const)];
    return { path: `${path}?${pairs.map(([name, value]) => `${name}=${value}`).join("&")}` };
  }

  #segment(peer: string): string {
    if (this.#fault === "does-not-encode") return peer;
    const once = encodeURIComponent(peer);
    return this.#fault === "encodes-twice" ? encodeURIComponent(once) : once;
  }
}
