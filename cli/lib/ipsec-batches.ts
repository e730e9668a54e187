/** How commands wait for IPsec hosts, tell what became of the entries of their calls, and what they exit with. */
import type { Args, OptionTable } from "./args.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./failure.ts";
import { describeBatches, type OfNode } from "./ipsec-words.ts";

/** Below what a call of the CLI may take as a whole. */
const WAIT_MOST_S = 50;
const WAIT_S = 35;

export const WAIT = {
  wait: {
    type: "string",
    value: "<s>",
    help: `how long to wait for the hosts (0 to ${WAIT_MOST_S}; default ${WAIT_S})`,
  },
} as const satisfies OptionTable;

export const WAIT_NOTE: readonly string[] = [
  "Each entry is told of by itself. Exit code 1 where one failed, or is still queued when the wait is over.",
];

export const waitWanted = (args: Args): number => args.wholeNumber("wait", 0, WAIT_MOST_S) ?? WAIT_S;

/** A caller who does not want to wait gets no error for what is still queued. */
export function reportBatches(
  { args, terminal }: Pick<CommandContext, "args" | "terminal">,
  batches: readonly OfNode[],
  waitS: number,
): ExitCode {
  if (args.flag("json")) terminal.line(JSON.stringify({ nodes: batches.map(jsonOf) }));
  else for (const line of describeBatches(batches)) terminal.line(line);
  const isOpen = batches.some(({ batch }) => !batch.done);
  if (isOpen && waitS > 0) terminal.note("not all is done: `qkd ipsec show` tells how it goes on");
  const hasFailed = batches.some(({ batch }) => batch.entries.some(({ state }) => state === "failed"));
  return hasFailed || (isOpen && waitS > 0) ? EXIT.error : EXIT.ok;
}

const jsonOf = ({ node, batch: { batch, done, entries, warnings } }: OfNode) => ({
  node,
  batch,
  done,
  entries,
  ...(warnings === undefined ? {} : { warnings }),
});
