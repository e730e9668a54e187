/** How a device's keys get into the spool: never taken from it before there is room for them. */
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../shared/limits.ts";
import type { SpoolBlock } from "../spool/sealed-block.ts";
import type { NoRoom, Room, Spool } from "../spool/spool.ts";
import type { FeedAlarms } from "./alarms.ts";
import type { Backpressure } from "./pressure.ts";

export class Intake {
  readonly #spool: Spool;
  readonly #alarms: FeedAlarms;
  readonly #pressure: Backpressure;
  #blocks = 0;
  #bytes = 0;

  constructor(spool: Spool, alarms: FeedAlarms, pressure: Backpressure) {
    this.#pressure = pressure;
    this.#spool = spool;
    this.#alarms = alarms;
  }

  get blocks(): number {
    return this.#blocks;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /** Waits, with an alarm, until a block of so many bytes and key IDs can be kept. */
  async room(sizeBytes: number, signal: AbortSignal, keyIds = 0): Promise<Room> {
    for (;;) {
      const room = await this.#spool.room(sizeBytes, keyIds);
      if (room.ok) {
        this.#alarms.clear("spool-full");
        this.#alarms.clear("disk-full");
        return room.value;
      }
      await this.#noRoom(room.error, signal);
    }
  }

  /** Keeps a block; where the disk fails under it, again and again until it is kept. */
  async put(room: Room, block: SpoolBlock, signal: AbortSignal): Promise<void> {
    for (let place = room; ; place = await this.room(block.bytes.length, signal, block.keyIds?.length)) {
      const kept = await this.#spool.put(place, block);
      if (kept.ok) break;
      await this.#noRoom(kept.error, signal);
    }
    this.#pressure.read(block.bytes.length * 8);
    this.#blocks++;
    this.#bytes += block.bytes.length;
  }

  async leave(room: Room): Promise<void> {
    await this.#spool.leave(room);
  }

  async #noRoom({ why, detail }: NoRoom, signal: AbortSignal): Promise<void> {
    this.#alarms.raise(why === "full" ? "spool-full" : "disk-full", detail);
    // A disk has room when others leave some: only time tells.
    if (why === "disk") await sleep(LIMITS.feedRoomMs, undefined, { signal });
    else await this.#spool.changed(AbortSignal.any([signal, AbortSignal.timeout(LIMITS.feedRoomMs)]));
    signal.throwIfAborted();
  }
}
