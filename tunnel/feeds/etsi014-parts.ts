/** What the feed at either end of a device works with. */
import type { DeviceConfig } from "./config.ts";
import type { DeviceTrouble } from "./device-alarms.ts";
import type { DeviceClient } from "./etsi014-client.ts";
import type { SourceParts } from "./source.ts";

export interface DeviceParts extends SourceParts {
  readonly config: DeviceConfig;
  readonly client: DeviceClient;
  readonly trouble: DeviceTrouble;
}
