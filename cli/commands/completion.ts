/** `qkd completion`: what a shell completes, from the table of commands. */
import type { Command } from "../lib/command.ts";
import { bashCompletion } from "../lib/completion/bash.ts";
import { fishCompletion } from "../lib/completion/fish.ts";
import { zshCompletion } from "../lib/completion/zsh.ts";
import { CliFailure, EXIT } from "../lib/failure.ts";
import { didYouMean } from "../lib/suggest.ts";

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};
const NAMES = Object.keys(SHELLS);

/** @param commands all of them, this one too */
export const completionOf = (commands: () => readonly Command[]): Command => ({
  name: "completion",
  summary: "print what makes a shell complete qkd's commands and options",
  positional: { name: NAMES.join("|"), min: 1, max: 1, choices: NAMES },
  options: {},
  notes: [
    "It is for the command `qkd`: where there is none, alias qkd='npm run -s qkd --' in the project's folder makes one.",
    "",
    "Example: source <(qkd completion bash)",
    "         source <(qkd completion zsh)",
    "         qkd completion fish > ~/.config/fish/completions/qkd.fish",
  ],
  async run({ args, terminal }) {
    const shell = args.first();
    const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (write === undefined) {
      throw new CliFailure(
        `no shell "${shell.slice(0, 40)}".${didYouMean(shell, NAMES)}`,
        `there are: ${NAMES.join(", ")}`,
      );
    }
    terminal.line(write(commands()).trimEnd());
    return EXIT.ok;
  },
});
