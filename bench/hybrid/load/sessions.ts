/** GET_KEY in sessions that stay, whole sessions, and sessions that others are looked at under. */
import type { Step } from "../../load/workers.ts";
import { summarise } from "../../statistics.ts";
import { measure } from "../../tunnel/load/measure.ts";
import type { Jobs } from "./jobs.ts";
import { Pair } from "./pair.ts";

type Load = Jobs["sessions"]["takes"];

export async function getKey(job: Load): Promise<Jobs["get-key"]["gives"]> {
  return await withPairs(job, (pair) => {
    let index = 0;
    return {
      prepare: async () => {
        await pair.open();
        return null;
      },
      step: async () => {
        await pair.getKey(index++);
        return null;
      },
      finish: () => pair.close(),
    };
  });
}

export async function sessions(job: Load): Promise<Jobs["sessions"]["gives"]> {
  const timesMs = { open: [] as number[], getKey: [] as number[], close: [] as number[] };
  const timed = async (what: keyof typeof timesMs, work: Promise<void>): Promise<void> => {
    const startMs = performance.now();
    await work;
    timesMs[what].push(performance.now() - startMs);
  };
  const rate = await withPairs(job, (pair) => ({
    step: async () => {
      await timed("open", pair.open());
      await timed("getKey", pair.getKey(0));
      await timed("close", pair.close());
      return null;
    },
  }));
  const { open, getKey: got, close } = timesMs;
  return { ...rate, open: summarise(open), getKey: summarise(got), close: summarise(close) };
}

export async function few({ ports, kems, count }: Jobs["few"]["takes"]): Promise<Jobs["few"]["gives"]> {
  const pair = await Pair.connect(ports, kems, 0);
  try {
    for (let session = 0; session < count; session++) {
      await pair.open();
      await pair.getKey(0);
      await pair.close();
    }
    return { checkedKeys: pair.checkedKeys };
  } finally {
    pair.hangUp();
  }
}

interface Work {
  /** Before the clock starts. */
  readonly prepare?: Step;
  readonly step: Step;
  /** After it has stopped. */
  readonly finish?: () => Promise<void>;
}

async function withPairs(job: Load, workOf: (pair: Pair) => Work): Promise<Jobs["get-key"]["gives"]> {
  const { ports, kems, pairs: count, ...timing } = job;
  const pairs = await Promise.all(Array.from({ length: count }, (_, number) => Pair.connect(ports, kems, number)));
  try {
    const works = pairs.map(workOf);
    const rate = await measure(
      works.map(({ prepare, step }) => ({
        ...(prepare === undefined ? {} : { prepare }),
        step,
        close: () => undefined,
      })),
      timing,
    );
    for (const { finish } of works) await finish?.();
    return { ...rate, checkedKeys: pairs.reduce((sum, { checkedKeys }) => sum + checkedKeys, 0) };
  } finally {
    for (const pair of pairs) pair.hangUp();
  }
}
