/** Memory over many keys: figures and text. Pure. */
import { rounded } from "../statistics.ts";
import type { Figures } from "./figures.ts";
import { markdownTable } from "./markdown.ts";

export interface MemorySample {
  /** Delivered since the beginning. */
  readonly keys: number;
  readonly engineBytes: number;
  readonly frontsBytes: number;
}
export interface FlatMemory {
  /** The first before any key, the second after as many as the growth is counted from. */
  readonly samples: readonly MemorySample[];
  readonly checkedKeys: number;
}

const MB = 1_000_000;
const growthMb = ({ samples }: FlatMemory, bytes: "engineBytes" | "frontsBytes"): number => {
  const [first, last] = [samples[1], samples.at(-1)];
  return rounded(((last?.[bytes] ?? Number.NaN) - (first?.[bytes] ?? Number.NaN)) / MB);
};

export const memoryFigures = (memory: FlatMemory): Figures => ({
  rssGrowthMB: growthMb(memory, "engineBytes"),
  rssGrowthKeys: memory.samples.at(-1)?.keys ?? 0,
  frontsRssGrowthMB: growthMb(memory, "frontsBytes"),
});

export function memoryText({ samples }: FlatMemory): string {
  const rows = samples.map(({ keys, engineBytes, frontsBytes }) => [
    keys.toLocaleString("en-GB"),
    ...[engineBytes, frontsBytes].map((bytes) => String(Math.round(bytes / MB))),
  ]);
  return [
    "Resident memory of the engine and its fronts after so many more keys, 100 a request:",
    "",
    markdownTable(["keys", "engine MB", "fronts MB"], rows),
  ].join("\n");
}
