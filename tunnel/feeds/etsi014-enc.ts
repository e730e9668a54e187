/**
 * `etsi014-device`, the end that asks the device for new keys. A batch becomes a block, named by its first key ID; the
 * block's key IDs go to the edge with it, and from there to the agent at the other end.
 *
 * The device has forgotten a batch once it has answered. A batch whose answer is lost (a crash, a time-out) is asked
 * for again under the same Idempotency-Key, made of the spool's count: devices that know it give it once more, with
 * others it is lost at this end and never used at the other.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../shared/limits.ts";
import { concatenate, type DeviceKey, faultOfKeys, wipeKeys } from "./etsi014-client.ts";
import type { DeviceParts } from "./etsi014-parts.ts";
import { Remembered } from "./remembered.ts";

export class EncFeed {
  readonly #parts: DeviceParts;
  readonly #seen = new Remembered(LIMITS.feedRememberedIds);
  /** Answers that were no good: another request has to have another name. */
  #badAnswers = 0;

  constructor(parts: DeviceParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { keys_per_block: count, key_size_bits: sizeBits, max_rate_bps: rateBps } = this.#parts.config;
    const blockBits = count * sizeBits;
    for (;;) {
      await this.#parts.pressure.passed(signal);
      const beganMs = performance.now();
      if (!(await this.#takeBlock(blockBits / 8, signal)) || rateBps === 0) continue;
      const restMs = (blockBits / rateBps) * 1000 - (performance.now() - beganMs);
      if (restMs > 0) await sleep(restMs, undefined, { signal });
    }
  }

  /** @returns false after something was wrong, and a pause */
  async #takeBlock(blockBytes: number, signal: AbortSignal): Promise<boolean> {
    const { intake, spool } = this.#parts;
    const room = await intake.room(blockBytes, signal, this.#parts.config.keys_per_block);
    const repeat = `${spool.instance}-${spool.nextNumber}-${this.#badAnswers}`;
    const keys = await this.#parts.client.encKeys(repeat, signal).catch(async (error: unknown) => {
      await intake.leave(room);
      throw error;
    });
    const trouble = keys.ok ? this.#faultOf(keys.value) : ([keys.error.alarm, keys.error.reason] as const);
    if (!keys.ok || trouble !== null) {
      if (keys.ok) wipeKeys(keys.value);
      await intake.leave(room);
      // An answer was given: to ask for it again would be to get it again.
      if (keys.ok || keys.error.alarm !== "device-silent") this.#badAnswers++;
      if (trouble !== null) await this.#parts.trouble.pause(trouble[0], trouble[1], signal);
      return false;
    }
    const keyIds = keys.value.map(({ id }) => id);
    const bytes = concatenate(keys.value);
    try {
      await intake.put(room, { id: keyIds[0] ?? "", bytes, keyIds }, signal);
    } finally {
      bytes.fill(0);
    }
    for (const id of keyIds) this.#seen.add(id);
    this.#parts.trouble.over();
    return true;
  }

  #faultOf(keys: readonly DeviceKey[]): readonly ["device-garbage" | "device-repeats", string] | null {
    const { keys_per_block: count, key_size_bits: sizeBits } = this.#parts.config;
    const fault = faultOfKeys(keys, count, sizeBits / 8);
    if (fault !== null) return ["device-garbage", fault];
    const again = keys.find(({ id }) => this.#seen.has(id));
    return again === undefined ? null : ["device-repeats", `key ID ${again.id} was given before`];
  }
}
