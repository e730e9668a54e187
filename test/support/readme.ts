/** Shell blocks of the README and other pages, run as a newcomer would, but against a network on other ports and in another folder. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Place {
  readonly state: string;
  readonly edge: string;
  readonly kme: Readonly<Record<string, string>>;
  readonly qkdModule?: Readonly<Record<string, string>>;
}

/** What the pages name, as `npm start` has it without options. */
const DEFAULTS: Required<Place> = {
  state: ".qkd",
  edge: "http://127.0.0.1:8787",
  kme: { "tn-1": "https://127.0.0.1:9000", "tn-2": "https://127.0.0.1:9010" },
  qkdModule: { "tn-1": "http://127.0.0.1:5000", "tn-2": "http://127.0.0.1:5001" },
};

/** Runs the page's one shell block that contains `mark`, and gives its lines of output. */
export function runReadmeBlock(mark: string, place: Place, page = "README.md"): string[] {
  const text = readFileSync(join(import.meta.dirname, "../..", page), "utf8");
  const blocks = [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, script = ""]) => script);
  const [block, second] = blocks.filter((script) => script.includes(mark));
  if (block === undefined || second !== undefined) throw new Error(`not one block of ${page} holds "${mark}"`);
  const swaps = [
    [`${DEFAULTS.state}/`, `${place.state}/`],
    [DEFAULTS.edge, place.edge],
    ...(["kme", "qkdModule"] as const).flatMap((listener) =>
      Object.entries(DEFAULTS[listener]).map(([node, url]) => [
        url,
        place[listener]?.[node] ?? "https://nobody.invalid",
      ]),
    ),
  ] as const;
  const script = swaps.reduce((swapped, [from = "", to = ""]) => swapped.replaceAll(from, to), block);
  const shell = spawnSync("bash", ["--norc", "-euo", "pipefail", "-c", script], { encoding: "utf8" });
  if (shell.status !== 0) throw new Error(`the block of ${page} with "${mark}" failed: ${shell.stderr}`);
  return shell.stdout.trim().split("\n");
}
