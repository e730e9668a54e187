/** A device's ETSI GS QKD 014 V1.1.1 API, as a client that believes nothing it answers. */
import http from "node:http";
import https from "node:https";
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { fromBase64 } from "../../shared/bytes/base64.ts";
import { decodeUtf8, parseJson } from "../../shared/bytes/json.ts";
import { UUID } from "../../shared/etsi014/key-ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { boundedList } from "../../shared/network/bounded-list.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { messageIn } from "../http/message-in.ts";
import { readBounded } from "../http/read-bounded.ts";
import { messageOf } from "../log.ts";
import type { FeedAlarmCode } from "./alarms.ts";
import type { DeviceConfig } from "./config.ts";

export interface DeviceKey {
  /** In lower case. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface DeviceFault {
  readonly alarm: Extract<FeedAlarmCode, "device-silent" | "device-refuses" | "device-garbage">;
  /** Never quotes what the device sent as keys. */
  readonly reason: string;
}

export type DeviceKeys = Result<readonly DeviceKey[], DeviceFault>;

const Container = v.object({
  keys: boundedList(v.object({ key_ID: v.pipe(v.string(), v.regex(UUID)), key: v.string() }), LIMITS.keysPerRequest),
});

/** A repeat of a request under the same key gets the same keys from devices that know this header; others ignore it. */
const REPEAT_HEADER = "Idempotency-Key";

export class DeviceClient {
  readonly #config: DeviceConfig;
  readonly #base: string;
  #agent: Promise<http.Agent> | null = null;

  constructor(config: DeviceConfig) {
    this.#config = config;
    const root = config.url.replace(/\/+$/, "");
    this.#base = `${root}/api/v1/keys/${encodeURIComponent(config.peer_sae)}`;
  }

  /** New keys (clause 5.3). @param repeat names this request and its repeats */
  async encKeys(repeat: string, signal: AbortSignal): Promise<DeviceKeys> {
    const { keys_per_block: number, key_size_bits: size } = this.#config;
    return await this.#keys("enc_keys", { number, size }, repeat, signal);
  }

  /** The keys of these IDs, in whatever order (clause 5.4). */
  async decKeys(keyIds: readonly string[], repeat: string, signal: AbortSignal): Promise<DeviceKeys> {
    return await this.#keys("dec_keys", { key_IDs: keyIds.map((id) => ({ key_ID: id })) }, repeat, signal);
  }

  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => null);
    agent?.destroy();
  }

  async #keys(method: string, body: unknown, repeat: string, signal: AbortSignal): Promise<DeviceKeys> {
    let answer: { readonly status: number; readonly bytes: Buffer };
    try {
      answer = await this.#post(`${this.#base}/${method}`, JSON.stringify(body), repeat, signal);
    } catch (error) {
      signal.throwIfAborted();
      return err({ alarm: "device-silent", reason: messageOf(error) });
    }
    try {
      return readAnswer(answer);
    } finally {
      answer.bytes.fill(0);
    }
  }

  async #post(
    url: string,
    body: string,
    repeat: string,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly bytes: Buffer }> {
    const { timeout_ms: timeoutMs } = this.#config;
    this.#agent ??= this.#connect();
    const agent = await this.#agent.catch((error: unknown) => {
      this.#agent = null;
      throw error;
    });
    const patience = AbortSignal.timeout(timeoutMs);
    const { request: send } = url.startsWith("https:") ? https : http;
    return await new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(patience.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error);
      const request = send(
        url,
        {
          method: "POST",
          agent,
          signal: AbortSignal.any([signal, patience]),
          headers: {
            "Content-Type": "application/json",
            Accept: "application/json",
            "Content-Length": Buffer.byteLength(body),
            [REPEAT_HEADER]: repeat,
          },
        },
        (response) => {
          const tooLong = `its answer is longer than ${LIMITS.feedAnswerBytes} bytes`;
          readBounded(response, LIMITS.feedAnswerBytes, tooLong).then(
            (bytes) => resolve({ status: response.statusCode ?? 0, bytes }),
            fail,
          );
        },
      );
      request.on("error", fail);
      request.end(body);
    });
  }

  async #connect(): Promise<http.Agent> {
    const { url, cert, key, ca } = this.#config;
    if (!url.startsWith("https:")) return new http.Agent({ keepAlive: true, maxSockets: 1 });
    const files = { cert: await readIf(cert), key: await readIf(key), ca: await readIf(ca) };
    return new https.Agent({ ...files, keepAlive: true, maxSockets: 1, minVersion: "TLSv1.2" });
  }
}

const readIf = async (file: string | undefined) => (file === undefined ? undefined : await readFile(file));

const garbage = (reason: string) => err<DeviceFault>({ alarm: "device-garbage", reason });

function readAnswer({ status, bytes }: { readonly status: number; readonly bytes: Buffer }): DeviceKeys {
  const text = decodeUtf8(bytes);
  const json = text.ok ? parseJson(text.value, LIMITS.jsonDepth) : text;
  if (status !== 200) {
    const said = json.ok ? messageIn(json.value) : null;
    return err({ alarm: "device-refuses", reason: said === null ? `HTTP ${status}` : `${said} (HTTP ${status})` });
  }
  if (!json.ok) return garbage(json.error.message);
  const container = v.safeParse(Container, json.value, { abortEarly: true });
  if (!container.success) {
    return garbage(`it is no key container: ${v.getDotPath(container.issues[0]) ?? "keys"}`);
  }
  const keys: DeviceKey[] = [];
  for (const [index, { key_ID: id, key }] of container.output.keys.entries()) {
    const decoded = fromBase64(key);
    if (decoded === null) return garbage(`keys.${index}.key is not base64`);
    keys.push({ id: id.toLowerCase(), bytes: decoded });
  }
  return ok(keys);
}

/** What is wrong with keys of which so many, of that size, were asked for; null where nothing is. */
export function faultOfKeys(keys: readonly DeviceKey[], count: number, sizeBytes: number): string | null {
  if (keys.length !== count) return `${keys.length} keys instead of ${count}`;
  const wrong = keys.find(({ bytes }) => bytes.length !== sizeBytes);
  if (wrong !== undefined) return `key ${wrong.id} has ${wrong.bytes.length} bytes instead of ${sizeBytes}`;
  return new Set(keys.map(({ id }) => id)).size === keys.length ? null : "a key ID twice in one answer";
}

/** One after the other, wiping each. */
export function concatenate(keys: readonly DeviceKey[]): Uint8Array {
  const bytes = new Uint8Array(keys.reduce((sum, key) => sum + key.bytes.length, 0));
  let offset = 0;
  for (const key of keys) {
    bytes.set(key.bytes, offset);
    offset += key.bytes.length;
    key.bytes.fill(0);
  }
  return bytes;
}

export function wipeKeys(keys: readonly DeviceKey[]): void {
  for (const { bytes } of keys) bytes.fill(0);
}
