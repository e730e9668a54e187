/** The device's alarms, of which one at most stands; and the pause after what was wrong. */
import { setTimeout as sleep } from "node:timers/promises";
import { retryDelayMs } from "../../shared/retry.ts";
import type { FeedAlarmCode, FeedAlarms } from "./alarms.ts";

const DEVICE_ALARMS = ["device-silent", "device-refuses", "device-garbage", "device-repeats"] as const;
export type DeviceAlarmCode = Extract<FeedAlarmCode, (typeof DEVICE_ALARMS)[number]>;

export class DeviceTrouble {
  readonly #alarms: FeedAlarms;
  #failures = 0;

  constructor(alarms: FeedAlarms) {
    this.#alarms = alarms;
  }

  over(): void {
    this.#failures = 0;
    for (const code of DEVICE_ALARMS) this.#alarms.clear(code);
  }

  /** Raises it and waits, longer each time. */
  async pause(alarm: DeviceAlarmCode, reason: string, signal: AbortSignal): Promise<void> {
    this.#alarms.raise(alarm, reason);
    for (const other of DEVICE_ALARMS) if (other !== alarm) this.#alarms.clear(other);
    this.#failures++;
    await sleep(retryDelayMs(this.#failures, null, Math.random()), undefined, { signal });
  }
}
