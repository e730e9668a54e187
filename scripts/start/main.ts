/** What the project's commands have in common: how they fail, and how they end. */
import { messageOf, oneLine, StartFailure } from "./failure.ts";

/** Runs a command and ends the process with its code; a failure the user can act on is one line. */
export async function runCommand(name: string, command: () => Promise<number>): Promise<never> {
  // Nobody reads any more (`npm start | head`): no reason to stop serving.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  try {
    process.exit(await command());
  } catch (thrown) {
    const known = thrown instanceof StartFailure;
    const unknown = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    process.stderr.write(`${name}: ${known ? oneLine(messageOf(thrown)) : unknown}\n`);
    process.exit(1);
  }
}
