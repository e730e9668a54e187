/** `qkd bench`: the project's own benches, where the project is. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import type { Command } from "../lib/command.ts";
import { CliFailure, EXIT } from "../lib/failure.ts";
import { didYouMean } from "../lib/suggest.ts";

/** What each is called, and the folder that it is in below bench/. */
const BENCHES: Readonly<Record<string, string>> = {
  keys: "",
  tunnel: "tunnel",
  "004": "etsi004",
  hybrid: "hybrid",
  relay: "relay",
  ipsec: "ipsec",
  audit: "audit",
};
const NAMES = Object.keys(BENCHES);
const MAX_ARGUMENTS = 64;

/** @param project folder of the checkout */
export const benchOf = (project: string): Command => ({
  name: "bench",
  summary: "measure this software under load, in a network of its own, from a checkout of it",
  positional: { name: "[WHICH] [-- OPTION...]", min: 0, max: MAX_ARGUMENTS, choices: NAMES },
  options: {},
  notes: [
    `WHICH is one of ${NAMES.join(", ")} (default keys). What comes behind -- is for the bench: -- --quick, or -- --help.`,
    "It starts and ends what it measures; a deployment that runs is left alone. Figures: bench/results.md.",
    "",
    "Example: npm run qkd -- bench relay -- --quick",
  ],
  async run({ args }) {
    const [first, ...rest] = args.positionals;
    const isNamed = first !== undefined && !first.startsWith("-");
    const folder = folderOf(isNamed ? first : "keys");
    const script = path.join(project, "bench", folder, "bench.ts");
    if (!existsSync(script)) {
      throw new CliFailure(
        `there is no bench here: ${script} is missing`,
        "run it from a checkout of qkd-edge, with its development dependencies",
      );
    }
    const code = await exitCodeOf(project, [script, ...(isNamed ? rest : args.positionals)]);
    return code === 0 ? EXIT.ok : EXIT.error;
  },
});

export const bench = benchOf(path.join(import.meta.dirname, "..", ".."));

function folderOf(which: string): string {
  const folder = Object.hasOwn(BENCHES, which) ? BENCHES[which] : undefined;
  if (folder !== undefined) return folder;
  throw new CliFailure(
    `no bench "${which.slice(0, 40)}".${didYouMean(which, NAMES)}`,
    `there are: ${NAMES.join(", ")}`,
  );
}

/** It writes and reads where this process does; null: it was ended by a signal. */
const exitCodeOf = (cwd: string, argv: readonly string[]): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...argv], { stdio: "inherit", cwd });
    child.once("error", reject);
    child.once("close", resolve);
  });
