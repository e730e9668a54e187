/** What a command is. The table of all of them is `commands/index.ts`. */
import type { Api } from "./api.ts";
import type { Args, OptionTable, PositionalSpec } from "./args.ts";
import type { Paint } from "./colour.ts";
import type { ExitCode } from "./failure.ts";
import type { Surroundings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

export interface CommandContext {
  readonly args: Args;
  readonly terminal: Terminal;
  readonly around: Surroundings;
  /** For words in lines of the terminal; not for JSON. */
  readonly paint: Paint;
  /** Built on first use, so that commands which need no edge ask for none. */
  readonly api: () => Api;
}

export interface Command {
  /** Its words: `network diff`. */
  readonly name: string;
  readonly summary: string;
  readonly positional: PositionalSpec;
  readonly options: OptionTable;
  /** Further help lines: notes and an example. */
  readonly notes?: readonly string[];
  run(context: CommandContext): Promise<ExitCode>;
}

export const NO_POSITIONALS: PositionalSpec = { name: "", min: 0, max: 0 };
