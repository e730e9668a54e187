/** What the benches have in common as commands: help, failures, what they say about where they ran. */
import { cpus, release, totalmem, type as osType } from "node:os";
import type { Facts } from "./report/document.ts";

/** Runs a bench with the arguments of this process; any failure is one line and exit code 1. */
export async function runBench(usage: string, main: (argv: readonly string[]) => Promise<void>): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv.includes("--help") || argv.includes("-h")) {
    console.log(usage);
    return;
  }
  try {
    await main(argv);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

/** @param script as in package.json */
export const factsOf = (script: string, argv: readonly string[]): Facts => ({
  command: [`npm run ${script}`, ...(argv.length === 0 ? [] : ["--", ...argv])].join(" "),
  machine: machine(),
  date: new Date().toISOString().slice(0, 10),
});

function machine(): string {
  const cores = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cores.length} cores (${cores[0]?.model.trim() ?? "unknown"}), ${memory}, ${osType()} ${release().split("-")[0]}, Node ${process.versions.node}`;
}
