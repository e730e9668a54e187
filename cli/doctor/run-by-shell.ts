/** What only hands can do to a key manager: a command of the user's. */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** @param option which option names it. @throws Error when it ends with another code than 0 */
export async function runByShell(option: string, command: string, cwd: string): Promise<void> {
  const child = spawn(command, { cwd, shell: true, stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`--${option} ended with code ${code}`);
}
