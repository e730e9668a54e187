/**
 * The demo's QKD devices, in one process: a pair that speaks ETSI GS QKD 014 at both ends, and a pair that drops key
 * files. `node scripts/demo/devices.ts '<JSON of DevicesPlan>'`, as `npm start` does; ends on SIGTERM.
 */
import { startDemoDevice } from "../../examples/demo-device/demo-device.ts";
import { dropKeyFiles } from "./key-files.ts";

export interface DevicesPlan {
  readonly host: string;
  /** Of the two ends of the pair that speaks ETSI 014. */
  readonly ports: { readonly a: number; readonly b: number };
  /** Of the pair that drops files: a folder for each end. */
  readonly folders: readonly string[];
}

/** Twice what the agent takes, so that a request seldom finds too little. */
const RATE_BPS = 200_000;

async function serve({ host, ports, folders }: DevicesPlan): Promise<void> {
  const device = await startDemoDevice({
    a: { host, port: ports.a },
    b: { host, port: ports.b },
    rateBps: RATE_BPS,
  });
  const stopFiles = dropKeyFiles(folders);
  process.once("SIGTERM", () => {
    stopFiles();
    void device.stop();
  });
}

try {
  await serve(JSON.parse(process.argv[2] ?? "") as DevicesPlan);
} catch (thrown) {
  process.stderr.write(`demo devices: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
