/** The figures of a run, under fixed names. Pure. */
import type { Figures } from "../../report/figures.ts";
import { median, rounded } from "../../statistics.ts";
import { PATHS, type PathName } from "../paths/path.ts";
import { type Measure, MEASURE_NAMES, type Round } from "./measures.ts";

/** The engine's memory above what it takes at rest, at the highest. */
export interface MemoryResult {
  /** Before anything went through it. */
  readonly startBytes: number;
  readonly idleBytes: number;
  /** Streams whose client reads nothing, and streams whose device reads nothing. */
  readonly streams: number;
  readonly frozenClientBytes: number;
  readonly frozenDeviceBytes: number;
  /** As many streams that flow, when the client's agent stops. */
  readonly frozenAgentBytes: number;
  /** A peer that sends without credit, to an agent that reads, and to one that has stopped reading. */
  readonly hostileBytes: number;
  readonly hostileStoppedBytes: number;
}
/** What was not measured is absent. */
export interface TunnelResults {
  rounds?: readonly Round[];
  memory?: MemoryResult;
  /** Programs of ssh that are not installed. */
  missing?: readonly string[];
}

const MB = 1_000_000;
const BULK = ["pingInBulkUpP50Ms", "pingInBulkDownP50Ms"] as const satisfies readonly Measure[];

export const figuresOf = ({ rounds, memory }: TunnelResults): Figures => ({
  ...(rounds === undefined ? {} : { ...ratiosOf(rounds), ...mediansOf(rounds) }),
  ...(memory === undefined ? {} : memoryFigures(memory)),
});

/** What a measure was in each round, in which the path took part. */
const seriesOf = (rounds: readonly Round[], path: PathName, measure: Measure): number[] =>
  rounds.flatMap((round) => round[path]?.[measure] ?? []);

const mediansOf = (rounds: readonly Round[]): Figures =>
  Object.fromEntries(
    PATHS.flatMap((path) =>
      MEASURE_NAMES.flatMap((measure) => {
        const series = seriesOf(rounds, path, measure);
        return series.length === 0 ? [] : [[`${measure}_${path}`, rounded(median(series))]];
      }),
    ),
  );

/** The median of each round's own ratio: machines drift. Undefined without ssh. */
function vsSsh(rounds: readonly Round[], measure: Measure): number | undefined {
  const ratios = rounds.flatMap(({ sites, ssh }) =>
    sites === undefined || ssh === undefined ? [] : sites[measure] / ssh[measure],
  );
  return ratios.length === 0 ? undefined : median(ratios);
}

function ratiosOf(rounds: readonly Round[]): Figures {
  const ratio = (measure: Measure): number | undefined => vsSsh(rounds, measure);
  const inBulk = BULK.flatMap((measure) => ratio(measure) ?? []);
  const best = (["ssh", "sshTerminal"] as const).flatMap((path) => seriesOf(rounds, path, "setupP50Ms"));
  return present({
    bulkUpVsSsh: ratio("bulkUpMBs"),
    bulkDownVsSsh: ratio("bulkDownMBs"),
    // Of both directions the worse one.
    pingInBulkMs: Math.max(...BULK.map((measure) => median(seriesOf(rounds, "sites", measure)))),
    pingInBulkVsSsh: inBulk.length === 0 ? undefined : Math.max(...inBulk),
    // ssh's best round, with or without a terminal: without one, most wait 40 ms for a delayed acknowledgement.
    setupVsSsh: best.length === 0 ? undefined : median(seriesOf(rounds, "sites", "setupP50Ms")) / Math.min(...best),
    h2c16VsSsh: ratio("h2c16PerS"),
    workerHttp32VsSsh: ratio("http32PerS"),
    h2c1VsSsh: ratio("h2c1PerS"),
    pingVsSsh: ratio("pingP50Ms"),
  });
}

const present = (figures: Readonly<Record<string, number | undefined>>): Figures =>
  Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]) => (value === undefined ? [] : [[name, rounded(value)]])),
  );

const memoryFigures = (memory: MemoryResult): Figures => {
  const above = (bytes: number): number => rounded((bytes - memory.idleBytes) / MB);
  const { frozenClientBytes, frozenDeviceBytes, frozenAgentBytes, hostileBytes, hostileStoppedBytes } = memory;
  const frozenBytes = Math.max(frozenClientBytes, frozenDeviceBytes, frozenAgentBytes);
  return {
    frozenReceiverMB: above(Math.max(frozenBytes, hostileBytes, hostileStoppedBytes)),
    frozenClientMB: above(frozenClientBytes),
    frozenDeviceMB: above(frozenDeviceBytes),
    frozenAgentMB: above(frozenAgentBytes),
    hostileSenderMB: above(hostileBytes),
    hostileSenderStoppedReaderMB: above(hostileStoppedBytes),
    engineStartMB: rounded(memory.startBytes / MB),
    engineIdleMB: rounded(memory.idleBytes / MB),
    frozenStreams: memory.streams,
  };
};
