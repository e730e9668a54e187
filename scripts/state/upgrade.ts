/** To another release: a backup first, then a start with nobody let in, which tells whether this release can have the state. */
import { messageOf, StartFailure } from "../start/failure.ts";
import { parseOptions } from "../start/options.ts";
import { run } from "../start/run.ts";
import { backUp } from "./backup.ts";

/**
 * Run with the new release's code, on a folder that the release before has left. Ports are free ones, and no agents
 * start: nobody notices.
 *
 * @param out where the backup goes; null: beside the folder
 * @returns the backup's path
 * @throws StartFailure with the backup's path in it, where the release does not come up on this state
 */
export async function upgrade(
  state: string,
  out: string | null,
  stop: AbortSignal,
  say: (line: string) => void,
): Promise<string> {
  const file = await backUp(state, out, Date.now());
  say(`backup: ${file}`);
  const ready = new AbortController();
  const options = parseOptions(["--state", state, "--random-ports", "--no-agents"], process.env);
  let isReady = false;
  const print = (text: string): void => {
    for (const line of text.split("\n").filter((each) => each.startsWith("note: "))) say(line);
    if (!/^qkd-edge ready/m.test(text)) return;
    isReady = true;
    ready.abort();
  };
  try {
    await run(options, AbortSignal.any([stop, ready.signal]), print);
  } catch (thrown) {
    throw new StartFailure(
      `this release does not come up on ${state} (${messageOf(thrown)}): go back to the release before, which still reads it; should it not, put ${file} back with npm run restore`,
      { cause: thrown },
    );
  }
  if (!isReady) throw new StartFailure(`stopped before this release had come up on ${state}; the backup is ${file}`);
  return file;
}
