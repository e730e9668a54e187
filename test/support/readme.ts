/** The README's shell blocks, run as a newcomer would, but against a network on other ports and in another folder. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Place {
  readonly state: string;
  readonly edge: string;
  readonly kme: Readonly<Record<string, string>>;
}

/** What the README names, as `npm start` has it without options. */
const DEFAULTS: Place = {
  state: ".qkd",
  edge: "http://127.0.0.1:8787",
  kme: { "tn-1": "https://127.0.0.1:9000", "tn-2": "https://127.0.0.1:9010" },
};

/** Runs the README's one shell block that contains `mark`, and gives its lines of output. */
export function runReadmeBlock(mark: string, place: Place): string[] {
  const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text = ""]) => text);
  const [block, second] = blocks.filter((text) => text.includes(mark));
  if (block === undefined || second !== undefined) throw new Error(`not one block of the README holds "${mark}"`);
  const swaps = [
    [`${DEFAULTS.state}/`, `${place.state}/`],
    [DEFAULTS.edge, place.edge],
    ...Object.entries(DEFAULTS.kme).map(([node, url]) => [url, place.kme[node] ?? "https://no.such.kme.invalid"]),
  ] as const;
  const script = swaps.reduce((text, [from = "", to = ""]) => text.replaceAll(from, to), block);
  const shell = spawnSync("bash", ["--norc", "-euo", "pipefail", "-c", script], { encoding: "utf8" });
  if (shell.status !== 0) throw new Error(`the README's block with "${mark}" failed: ${shell.stderr}`);
  return shell.stdout.trim().split("\n");
}
