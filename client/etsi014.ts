/** ETSI GS QKD 014 V1.1.1 as an SAE uses it: Status, Get key, Get key with key IDs. */
import * as v from "valibot";
import { StatusSchema } from "../shared/etsi014/status-schema.ts";
import { type DeliveredKey, type Expected, readContainer } from "./container.ts";
import { AnswerError } from "./errors.ts";
import { Http, type HttpCall } from "./http.ts";
import type { CallOptions, ClientOptions } from "./options.ts";
import { refusal } from "./refusal.ts";
import { segmentOf } from "./urls.ts";

/** Clause 6.1; the members have the standard's names. Sizes are bits. */
export interface KmeStatus {
  readonly source_KME_ID: string;
  readonly target_KME_ID: string;
  readonly master_SAE_ID: string;
  readonly slave_SAE_ID: string;
  readonly key_size: number;
  readonly stored_key_count: number;
  readonly max_key_count: number;
  readonly max_key_per_request: number;
  readonly max_key_size: number;
  readonly min_key_size: number;
  readonly max_SAE_ID_count: number;
  readonly status_extension?: Readonly<Record<string, unknown>>;
}

interface RepeatableOptions extends CallOptions {
  /**
   * Where the answer to a call was lost, the same call with the same text here gets the same keys again: at a qkd-edge whose
   * operator allows that (`delivery_grace_s`), and soon enough. Others know nothing of it.
   */
  readonly idempotencyKey?: string;
}

export interface GetKeyOptions extends RepeatableOptions {
  /** How many keys; 1 where absent. */
  readonly count?: number;
  /** Of each; the key management entity's default where absent. */
  readonly sizeBits?: number;
  /** SAEs that shall have the same keys besides the one named. */
  readonly additionalSlaves?: readonly string[];
  /** Clause 6.2, extension_mandatory and extension_optional: objects of name/value pairs. */
  readonly mandatory?: readonly Readonly<Record<string, unknown>>[];
  readonly optional?: readonly Readonly<Record<string, unknown>>[];
}

export interface GetKeyWithIdsOptions extends RepeatableOptions {
  /** Of each key, where it is known: others are refused then. */
  readonly sizeBits?: number;
}

/**
 * One SAE's way to its key management entity.
 *
 * Answers 503 are asked for again with growing pauses, as nothing was consumed by them; nothing else is.
 * @example
 * const kme = new Etsi014Client({ baseUrl: "https://kme.example.org:9000", token });
 * const [{ keyId, key }] = await kme.getKey("sae-b");
 */
export class Etsi014Client {
  readonly #http: Http;

  /** @throws TypeError for a base URL over which keys would go in clear text */
  constructor(options: ClientOptions) {
    this.#http = new Http(options);
  }

  /** Clause 5.2. @throws RefusedError, AnswerError, UnreachableError */
  async status(slave: string, options: CallOptions = {}): Promise<KmeStatus> {
    const answer = await this.#http.call({ ...options, path: `/api/v1/keys/${segmentOf(slave)}/status` });
    if (answer.status !== 200) throw refusal(answer);
    const parsed = v.safeParse(StatusSchema, answer.json);
    if (!parsed.success) throw new AnswerError("the answer is no Status");
    return parsed.output as KmeStatus;
  }

  /**
   * Clause 5.3: keys for this SAE and `slave`, by GET where the query can say all of the wish.
   * @throws RefusedError, AnswerError, UnreachableError
   */
  async getKey(slave: string, options: GetKeyOptions = {}): Promise<readonly DeliveredKey[]> {
    const { count = 1, sizeBits = null } = options;
    const plain: Record<string, number> = {
      ...(options.count === undefined ? {} : { number: options.count }),
      ...(options.sizeBits === undefined ? {} : { size: options.sizeBits }),
    };
    const more = {
      ...namedIfAny("additional_slave_SAE_IDs", options.additionalSlaves),
      ...namedIfAny("extension_mandatory", options.mandatory),
      ...namedIfAny("extension_optional", options.optional),
    };
    const path = `/api/v1/keys/${segmentOf(slave)}/enc_keys`;
    const query = Object.entries(plain).map(([name, value]) => `${name}=${value}`);
    const how =
      Object.keys(more).length > 0
        ? { path, body: { ...plain, ...more } }
        : { path: query.length === 0 ? path : `${path}?${query.join("&")}` };
    return await this.#keys(how, options, { count, sizeBits, keyIds: null });
  }

  /**
   * Clause 5.4: keys that `master` was given, in the order of `keyIds`; one by GET, several by POST.
   * @throws RefusedError, AnswerError, UnreachableError; TypeError for no IDs, or one twice
   */
  async getKeyWithIds(
    master: string,
    keyIds: readonly string[],
    options: GetKeyWithIdsOptions = {},
  ): Promise<readonly DeliveredKey[]> {
    const ids = keyIds.map((keyId) => keyId.toLowerCase());
    const [only, ...others] = ids;
    if (only === undefined) throw new TypeError("no key IDs");
    if (new Set(ids).size !== ids.length) throw new TypeError("a key ID is asked for twice");
    const path = `/api/v1/keys/${segmentOf(master)}/dec_keys`;
    const how =
      others.length > 0
        ? { path, body: { key_IDs: ids.map((key_ID) => ({ key_ID })) } }
        : { path: `${path}?key_ID=${encodeURIComponent(only)}` };
    const expected = { count: ids.length, sizeBits: options.sizeBits ?? null, keyIds: ids };
    return await this.#keys(how, options, expected);
  }

  async #keys(
    how: HttpCall,
    { signal, idempotencyKey }: RepeatableOptions,
    expected: Expected,
  ): Promise<readonly DeliveredKey[]> {
    const answer = await this.#http.call({
      ...how,
      ...(idempotencyKey === undefined ? {} : { headers: { "Idempotency-Key": idempotencyKey } }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.status !== 200) throw refusal(answer);
    return readContainer(answer.json, expected);
  }
}

const namedIfAny = (name: string, list: readonly unknown[] = []): Readonly<Record<string, unknown>> =>
  list.length === 0 ? {} : { [name]: list };
