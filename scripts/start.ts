/** `npm start`: the self-hosted edge on one machine. See start/run.ts. */
import { runCommand } from "./start/main.ts";
import { parseOptions, USAGE } from "./start/options.ts";
import { run } from "./start/run.ts";
import { stopSignal } from "./start/stop-signal.ts";

await runCommand("qkd-edge", async () => {
  const stop = stopSignal();
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.help) process.stdout.write(USAGE);
  else await run(options, stop, (line) => void process.stdout.write(`${line}\n`));
  return 0;
});
