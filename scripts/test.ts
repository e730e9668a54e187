/**
 * `npm test`: everything that can be checked; the tests once all else is well. Arguments go to Vitest, whose closing lines
 * are the last ones printed.
 */
import { runCommand } from "./start/main.ts";
import { stopSignal } from "./start/stop-signal.ts";
import { runTool, tool } from "./start/tools.ts";

interface Check {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** Whether it bundles as for Cloudflare, a test tells. */
const CHECKS: readonly Check[] = [
  { name: "types (Worker)", program: tool("tsc"), args: ["-p", "tsconfig.workers.json", "--noEmit"] },
  { name: "types (Node)", program: tool("tsc"), args: ["-p", "tsconfig.node.json", "--noEmit"] },
  { name: "types (web)", program: tool("tsc"), args: ["-p", "tsconfig.web.json", "--noEmit"] },
  { name: "lint", program: tool("oxlint"), args: ["--type-aware", "--deny-warnings"] },
  { name: "format", program: tool("oxfmt"), args: ["--check", "."] },
  { name: "generated files", program: process.execPath, args: ["scripts/generate.ts", "--check"] },
];

/** All at once. @returns the code of the first that failed, or 0 */
async function runChecks(stop: AbortSignal): Promise<number> {
  const ran = CHECKS.map(async ({ name, program, args }) => {
    const start = performance.now();
    const { code, output } = await runTool(program, args, stop, false);
    return { name, code, output, seconds: ((performance.now() - start) / 1000).toFixed(1) };
  });
  for (const { name, code, output, seconds } of await Promise.all(ran)) {
    if (code !== 0) {
      process.stderr.write(`${output}\nnpm test: ${name} failed\n`);
      return code;
    }
    process.stdout.write(`ok  ${name} (${seconds} s)\n`);
  }
  return 0;
}

await runCommand("npm test", async () => {
  const stop = stopSignal();
  const code = await runChecks(stop);
  if (code !== 0) return code;
  return (await runTool(tool("vitest"), ["run", ...process.argv.slice(2)], stop, true)).code;
});
