/** `etsi014-device` at either end of a link: a client of the device for as long as the feed runs. */
import type { DeviceConfig } from "./config.ts";
import { DeviceTrouble } from "./device-alarms.ts";
import { DeviceClient } from "./etsi014-client.ts";
import type { DeviceParts } from "./etsi014-parts.ts";
import { DecFeed } from "./etsi014-dec.ts";
import { EncFeed } from "./etsi014-enc.ts";
import type { Source } from "./source.ts";

const FEEDS = { enc: EncFeed, dec: DecFeed } as const satisfies Record<
  DeviceConfig["role"],
  new (parts: DeviceParts) => { run: (signal: AbortSignal) => Promise<void> }
>;

export const etsi014Source =
  (config: DeviceConfig): Source =>
  async (parts, signal) => {
    const client = new DeviceClient(config);
    try {
      await new FEEDS[config.role]({ ...parts, config, client, trouble: new DeviceTrouble(parts.alarms) }).run(signal);
    } finally {
      await client.close();
    }
  };
