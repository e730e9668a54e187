/**
 * `etsi014-device`, the end that fetches what the other end was given. The edge lists the blocks that wait for this
 * end, with their key IDs; a block is fetched once, and pushed under the same id, so that the pool matches the two.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { AwaitedBlocksSchema } from "../../shared/api/schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import { retryDelayMs } from "../../shared/retry.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { messageOf } from "../log.ts";
import type { Room } from "../spool/spool.ts";
import { askedPauseMs, awaitedPath, describeAnswer, withTimeout } from "./edge.ts";
import { concatenate, type DeviceKey, faultOfKeys, wipeKeys } from "./etsi014-client.ts";
import type { DeviceParts } from "./etsi014-parts.ts";
import { Remembered } from "./remembered.ts";

type Page = v.InferOutput<typeof AwaitedBlocksSchema>;
type Awaited = Page["blocks"][number];

/** Subject of alarms: pushing has its own. */
const LISTING = "list of awaited blocks";

/** Blocks whose keys the device did not give: when to ask it again. */
interface Waiting {
  readonly attempts: number;
  readonly notBeforeMs: number;
}

interface Unlisted {
  readonly reason: string;
  /** The edge's `Retry-After`. */
  readonly pauseMs: number;
}

export class DecFeed {
  readonly #parts: DeviceParts;
  /** In the spool, or from there at the edge already: a list may be older than that. */
  readonly #fetched = new Remembered(LIMITS.feedRememberedIds);
  #waiting = new Map<string, Waiting>();

  constructor(parts: DeviceParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const pauseMs = await this.#round(signal);
      await sleep(Math.max(this.#parts.config.poll_ms, pauseMs), undefined, { signal });
    }
  }

  /** Once through all that waits for this end. @returns how long the edge wants to be left alone */
  async #round(signal: AbortSignal): Promise<number> {
    const listed = new Map<string, Waiting>();
    for (let after: number | null = 0; after !== null;) {
      const page = await this.#list(after, signal);
      if (!page.ok) {
        this.#parts.alarms.raise("edge-refuses", page.error.reason, LISTING);
        return page.error.pauseMs;
      }
      this.#parts.alarms.clear("edge-refuses", LISTING);
      for (const block of page.value.blocks) {
        const waiting = await this.#serve(block, signal);
        if (waiting !== null) listed.set(block.block, waiting);
      }
      after = page.value.next;
    }
    // Those given up by the pool are given up here too.
    for (const gone of this.#waiting.keys()) if (!listed.has(gone)) this.#parts.alarms.clear("keys-not-had", gone);
    this.#waiting = listed;
    return 0;
  }

  async #list(after: number, signal: AbortSignal): Promise<Result<Page, Unlisted>> {
    const { link, node } = this.#parts.config;
    try {
      const path = awaitedPath(link, node, after);
      const answer = await this.#parts.send({ method: "GET", path }, withTimeout(signal));
      if (answer.status !== 200) return err({ reason: describeAnswer(answer), pauseMs: askedPauseMs(answer) });
      const page = v.safeParse(AwaitedBlocksSchema, answer.json);
      if (page.success) return ok(page.output);
      return err({ reason: "the edge answered something that is not a list of blocks", pauseMs: 0 });
    } catch (error) {
      signal.throwIfAborted();
      return err({ reason: messageOf(error), pauseMs: 0 });
    }
  }

  /** @returns when to try again what could not be had; null for what is done */
  async #serve(block: Awaited, signal: AbortSignal): Promise<Waiting | null> {
    const { block: id, bits, key_ids: keyIds } = block;
    const { spool, intake, alarms, trouble } = this.#parts;
    if (this.#fetched.has(id) || spool.has(id)) return null;
    const waiting = this.#waiting.get(id) ?? { attempts: 0, notBeforeMs: 0 };
    if (performance.now() < waiting.notBeforeMs) return waiting;
    const room = await intake.room(bits / 8, signal);
    const keys = await this.#fetch(block, room, signal);
    if (!keys.ok) {
      alarms.raise("keys-not-had", keys.error, id);
      const attempts = waiting.attempts + 1;
      return { attempts, notBeforeMs: performance.now() + retryDelayMs(attempts, null, Math.random()) };
    }
    const bytes = concatenate(inOrderOf(keyIds, keys.value));
    try {
      await intake.put(room, { id, bytes }, signal);
    } finally {
      bytes.fill(0);
    }
    this.#fetched.add(id);
    alarms.clear("keys-not-had", id);
    trouble.over();
    return null;
  }

  /** Leaves the room where it fails. */
  async #fetch(block: Awaited, room: Room, signal: AbortSignal): Promise<Result<readonly DeviceKey[], string>> {
    const { intake, client, trouble } = this.#parts;
    const { block: id, bits, key_ids: keyIds } = block;
    const answer = await client.decKeys(keyIds, `dec-${id}`, signal).catch(async (error: unknown) => {
      await intake.leave(room);
      throw error;
    });
    const fault = answer.ok ? faultOfAnswer(answer.value, keyIds, bits) : answer.error.reason;
    if (answer.ok && fault === null) return answer;
    await intake.leave(room);
    if (answer.ok) {
      wipeKeys(answer.value);
      await trouble.pause("device-garbage", fault ?? "", signal);
    } else if (answer.error.alarm !== "device-refuses") {
      await trouble.pause(answer.error.alarm, answer.error.reason, signal);
    }
    // A refusal is of this block: its keys are not there yet, or no longer. The others may be.
    return err(fault ?? "");
  }
}

function faultOfAnswer(keys: readonly DeviceKey[], keyIds: readonly string[], bits: number): string | null {
  const fault = faultOfKeys(keys, keyIds.length, bits / 8 / keyIds.length);
  if (fault !== null) return fault;
  const had = new Set(keys.map(({ id }) => id));
  const missing = keyIds.find((id) => !had.has(id));
  return missing === undefined ? null : `key ${missing} is not among those that came`;
}

/** Clause 6.3 leaves the order open. */
function inOrderOf(keyIds: readonly string[], keys: readonly DeviceKey[]): readonly DeviceKey[] {
  const byId = new Map(keys.map((key) => [key.id, key]));
  return keyIds.flatMap((id) => byId.get(id) ?? []);
}
