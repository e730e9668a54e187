/** SAs asked for at both ends at once: one after the other, and those of many tunnels in one call. */
import { deletionOf, entriesOf, type Entry, sasOf } from "../../../examples/ipsec/controller.ts";
import { makeNetconfHost } from "../../../tunnel/services/netconf/make-netconf-host.ts";
import type { NetconfHost } from "../../../tunnel/services/netconf/netconf-host.ts";
import { progress } from "../../progress.ts";
import { summarise } from "../../statistics.ts";
import type { IpsecOptions } from "../options.ts";
import type { CpuMs, HundredRound, IpsecResults, OneRound } from "../report/measures.ts";
import { type IpsecRig, tunnelOf } from "../rig.ts";
import { CheckedKeys } from "./checked.ts";
import { directly } from "./directly.ts";

/** Engine, agents and hosts come to their full speed. */
const WARM_UP_SAS = 40;
const SA_KEY_BYTES = 36;
/** Of what lies in the pool a part is kept back, or taken in whole units. */
const ROOM_BYTES = 256 * 1024;

type Of = (host: "a" | "b") => readonly Entry[];

/** POST to both, timed and looked at, and taken back. */
async function tried(rig: IpsecRig, keys: CheckedKeys | null, of: Of) {
  const startMs = performance.now();
  await rig.both("POST", of, "installed");
  const tookMs = performance.now() - startMs;
  const checkedKeys = keys === null ? 0 : await keys.check();
  await rig.both("DELETE", (host) => deletionOf(of(host)), "deleted");
  return { tookMs, checkedKeys };
}

const oneSa = (): readonly Entry[] => sasOf(tunnelOf(0)).slice(0, 1);

export async function measureOne(rig: IpsecRig, { rounds: count, sas }: IpsecOptions): Promise<readonly OneRound[]> {
  await rig.fill(SA_KEY_BYTES * (WARM_UP_SAS + count * sas) + ROOM_BYTES);
  const keys = new CheckedKeys(rig);
  const host = makeNetconfHost(rig.hosts[0].config);
  progress("one SA: warming up");
  for (let at = 0; at < WARM_UP_SAS; at++) await tried(rig, null, oneSa);
  const rounds: OneRound[] = [];
  for (let round = 1; round <= count; round++) {
    progress(`one SA, round ${round}`);
    const [saMs, netconfMs]: [number[], number[]] = [[], []];
    const cpu = cpuOf(rig);
    let checkedKeys = 0;
    for (let at = 0; at < sas; at++) {
      const { tookMs, checkedKeys: more } = await cpu.during(() => tried(rig, keys, oneSa));
      saMs.push(tookMs);
      checkedKeys += more;
      netconfMs.push(await directly(host, oneSa()));
    }
    rounds.push({ sa: summarise(saMs), netconf: summarise(netconfMs), cpu: cpu.each(sas), checkedKeys });
  }
  await host.close();
  return rounds;
}

export async function measureHundred(
  rig: IpsecRig,
  { rounds: count, tunnels: most }: IpsecOptions,
): Promise<NonNullable<IpsecResults["hundred"]>> {
  const tunnels = Array.from({ length: most }, (_, number) => tunnelOf(number));
  const keys = new CheckedKeys(rig);
  const host = makeNetconfHost(rig.hosts[0].config);
  const whole: Of = (end) => tunnels.flatMap((tunnel) => entriesOf(tunnel, end));
  const alone: Of = () => tunnels.flatMap(sasOf);
  await rig.fill(SA_KEY_BYTES * 4 * most * (count + 1) + ROOM_BYTES);
  const round = async (of: Of): Promise<HundredRound> => await hundred(rig, keys, host, of, 2 * most);
  progress("many tunnels: warming up");
  await round(alone);
  const rounds: { readonly whole: HundredRound; readonly sasOnly: HundredRound }[] = [];
  for (let number = 1; number <= count; number++) {
    progress(`many tunnels, round ${number}`);
    rounds.push({ whole: await round(whole), sasOnly: await round(alone) });
  }
  await host.close();
  return {
    tunnels: most,
    whole: rounds.map((each) => each.whole),
    sasOnly: rounds.map((each) => each.sasOnly),
  };
}

async function hundred(
  rig: IpsecRig,
  keys: CheckedKeys,
  host: NetconfHost,
  of: Of,
  sas: number,
): Promise<HundredRound> {
  const cpu = cpuOf(rig);
  const { tookMs, checkedKeys } = await cpu.during(() => tried(rig, keys, of));
  return { tookMs, checkedKeys, cpu: cpu.each(sas), netconfMs: await directly(host, of("a")) };
}

/** Of engine and agents, their deleting included. */
function cpuOf(rig: IpsecRig) {
  const sum = { engineMs: 0, agentsMs: 0 };
  return {
    during: async <T>(work: () => Promise<T>): Promise<T> => {
      const before = rig.cpu();
      const result = await work();
      const after = rig.cpu();
      sum.engineMs += after.engineMs - before.engineMs;
      sum.agentsMs += after.agentsMs - before.agentsMs;
      return result;
    },
    each: (count: number): CpuMs => ({ engineMs: sum.engineMs / count, agentsMs: sum.agentsMs / count }),
  };
}
