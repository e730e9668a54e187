/** All ways to the device in turns, so that whatever the machine does meanwhile befalls them alike. */
import { progress } from "../../progress.ts";
import { turned } from "../../turned.ts";
import { HTTP_PATH } from "../device/services.ts";
import type { TunnelOptions } from "../options.ts";
import type { Path } from "../paths/path.ts";
import { told } from "../paths/told.ts";
import type { Measured, Round } from "../report/measures.ts";
import type { Rig } from "../rig.ts";

export async function measureRounds(rig: Rig, options: TunnelOptions): Promise<Round[]> {
  for (const path of rig.paths) {
    progress(`${path.name}: verified transfers`);
    await told(path, () => verify(rig, path, options));
  }
  const rounds: Round[] = [];
  for (let number = 0; number < options.rounds; number++) {
    progress(`round ${number + 1} of ${options.rounds}`);
    const round: { -readonly [Name in keyof Round]: Round[Name] } = {};
    for (const path of turned(rig.paths, number))
      round[path.name] = await told(path, () => measurePath(rig, path, options));
    rounds.push(round);
  }
  return rounds;
}

/** Untimed: hashing costs more than carrying. Also warms the path up. */
async function verify({ bulkLoad }: Rig, { endpoints }: Path, { bulkBytes: bytes }: TunnelOptions): Promise<void> {
  for (const direction of ["up", "down"] as const) {
    await bulkLoad.run("bulk", { port: endpoints.bulk, direction, bytes, verified: true });
  }
}

async function measurePath(rig: Rig, { endpoints }: Path, options: TunnelOptions): Promise<Measured> {
  const { bulkLoad, load } = rig;
  const { measureMs, bulkBytes: bytes, setups } = options;
  const { bulk: port, echo, h2c, http } = endpoints;
  const bulk = { port, bytes, verified: false } as const;
  const up = await bulkLoad.run("bulk", { ...bulk, direction: "up" });
  const down = await bulkLoad.run("bulk", { ...bulk, direction: "down" });
  const idle = await load.run("ping", { port: echo, measureMs });
  const [inUp, upMeanwhile] = await pingInBulk(rig, endpoints, "up", measureMs);
  const [inDown, downMeanwhile] = await pingInBulk(rig, endpoints, "down", measureMs);
  const setup = await load.run("setup", { port: echo, count: setups });
  const h2c1 = await load.run("h2c", { port: h2c, atOnce: 1, measureMs });
  const h2c16 = await load.run("h2c", { port: h2c, atOnce: 16, measureMs });
  const http32 = await load.run("http", { ...http, url: http.url + HTTP_PATH, atOnce: 32, measureMs });
  return {
    bulkUpMBs: up.mbPerS,
    bulkDownMBs: down.mbPerS,
    pingP50Ms: idle.p50Ms,
    pingP99Ms: idle.p99Ms,
    pingInBulkUpP50Ms: inUp.p50Ms,
    pingInBulkUpP99Ms: inUp.p99Ms,
    bulkUpInPingMBs: upMeanwhile.mbPerS,
    pingInBulkDownP50Ms: inDown.p50Ms,
    pingInBulkDownP99Ms: inDown.p99Ms,
    bulkDownInPingMBs: downMeanwhile.mbPerS,
    setupP50Ms: setup.p50Ms,
    setupP99Ms: setup.p99Ms,
    h2c1PerS: h2c1.perS,
    h2c16PerS: h2c16.perS,
    http32PerS: http32.perS,
  };
}

/** @returns the pings, and the transfer that went on beside them */
async function pingInBulk({ bulkLoad, load }: Rig, ports: Path["endpoints"], direction: "up" | "down", ms: number) {
  await bulkLoad.run("start-bulk", { port: ports.bulk, direction });
  const pings = await load.run("ping", { port: ports.echo, measureMs: ms });
  return [pings, await bulkLoad.run("stop-bulk", {})] as const;
}
