/** Runs `qkd` in this process, and keeps what it writes. */
import type { Terminal } from "../../cli/lib/terminal.ts";
import { runCli } from "../../cli/run.ts";

export async function recordedCli(
  argv: readonly string[],
  around: Parameters<typeof runCli>[2],
  like: Partial<Terminal> = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = {
    line: (text: string) => void out.push(text),
    note: (text: string) => void err.push(text),
    redraw: () => undefined,
    live: false,
    colours: false,
    columns: 80,
    ...like,
  };
  const code = await runCli([...argv], terminal, around);
  return { code, out: out.join("\n"), err: err.join("\n") };
}
