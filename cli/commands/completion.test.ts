/** What shells complete: they are asked themselves, as far as they are on this machine. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordedCli } from "../../test/support/recorded-cli.ts";
import { COMMANDS } from "./index.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
const folder = mkdtempSync(join(tmpdir(), "qkd-completion-"));
const scripts: Record<string, string> = {};
beforeAll(async () => {
  for (const shell of SHELLS) {
    const { code, out, err } = await recordedCli(["completion", shell], { env: {}, cwd: folder });
    expect([code, err]).toEqual([0, ""]);
    scripts[shell] = out;
    writeFileSync(join(folder, shell), `${out}\n`);
  }
  writeFileSync(join(folder, "a file.json"), "");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What bash would offer for the last word, by the function that it calls. */
function offered(...words: readonly string[]): string[] {
  const quoted = ["qkd", ...words].map((word) => `'${word}'`).join(" ");
  const script = `source ./bash; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _qkd 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script], { cwd: folder, encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}

describe("bash", () => {
  test("is told of a function for qkd", () => {
    const said = execFileSync("bash", ["-c", "source ./bash; complete -p qkd"], { cwd: folder, encoding: "utf8" });
    expect(said).toBe("complete -F _qkd qkd\n");
  });

  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    "%s: its words and options",
    (name, command) => {
      const words = name.split(" ");
      expect(offered(words[0]!.slice(0, -1))).toContain(words[0]);
      if (words.length === 2) expect(offered(words[0]!, words[1]!.slice(0, -1))).toContain(words[1]);
      const options = Object.keys(command.options).map((option) => `--${option}`);
      expect(offered(...words, "--").sort()).toEqual([...options, "--help", "--no-color"].sort());
    },
  );

  test("words of its own, files and folders where they belong, and nothing elsewhere", () => {
    expect(offered("revoke", "")).toEqual(["certificate", "token", "principal"]);
    expect(offered("completion", "z")).toEqual(["zsh"]);
    expect(offered("network", "ap")).toEqual(["apply"]);
    expect(offered("network", "apply", "--if-match", "7", "a")).toEqual(["a file.json"]);
    expect(offered("network", "apply", "a")).toEqual(["a file.json"]);
    expect(offered("status", "--token-file", "a")).toEqual(["a file.json"]);
    expect(offered("status", "--state", "a")).toEqual([]);
    expect(offered("status", "--edge", "a")).toEqual([]);
    expect(offered("status", "")).toEqual([]);
    expect(offered("status", "tn-1-tn-2", "--js")).toEqual(["--json"]);
    expect(offered("nonsense", "")).toEqual([]);
  });
});

test.each(["zsh", "fish"])("%s: every command and option is in what its reader takes", (shell) => {
  const text = scripts[shell] ?? "";
  const readers = { zsh: ["zsh", "-n"], fish: ["fish", "--no-execute"] } as const;
  const [reader, flag] = readers[shell as "zsh" | "fish"];
  const read = spawnSync(reader, [flag, join(folder, shell)], { encoding: "utf8" });
  // Not on this machine: then its quotes at least are closed.
  if (read.error !== undefined) expect(unclosed(text, shell)).toBe(false);
  else expect([read.status, read.stderr]).toEqual([0, ""]);
  const mark = { zsh: (name: string) => `--${name}[`, fish: (name: string) => `-l ${name}` }[shell as "zsh" | "fish"];
  for (const { name, options } of COMMANDS) {
    const own = text
      .split("\n")
      .filter((line) => line.includes(shell === "zsh" ? `'${name}')` : `__qkd_in "${name}"'`));
    for (const option of Object.keys(options)) {
      expect([name, option, own.some((line) => line.includes(mark(option)))]).toEqual([name, option, true]);
    }
    for (const word of name.split(" ")) expect(text).toContain(shell === "zsh" ? `'${word}` : `-a '${word}'`);
  }
});

/** What the others would offer for a line's last word. */
const ASKED: Readonly<Record<string, (line: string) => string>> = {
  zsh(line) {
    const out = join(folder, "offered");
    writeFileSync(out, "");
    run("zsh", ["-f", join(import.meta.dirname, "../../test/support/offers.zsh"), join(folder, "zsh"), out, line]);
    return readFileSync(out, "utf8").replaceAll("\\", "");
  },
  fish: (line) => run("fish", ["--no-config", "-c", "source ./fish; complete -C $argv[1]", line]),
};
const run = (program: string, args: readonly string[]): string =>
  execFileSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, HOME: folder },
    timeout: 30_000,
  });
const isHere = (shell: string): boolean => spawnSync(shell, ["-c", "exit"]).error === undefined;

describe.each(Object.entries(ASKED))("%s", (shell, ask) => {
  test.skipIf(!isHere(shell)).each([
    ["network ap", ["apply"]],
    ["revoke ", ["certificate", "principal", "token"]],
    ["network apply --if-match 7 a", ["a file.json"]],
    ["status tn-1-tn-2 --js", ["--json"]],
    ["status --", [...Object.keys(COMMANDS.find(({ name }) => name === "status")!.options), "help", "no-color"]],
  ])("offers what belongs behind `qkd %s`", (typed, expected) => {
    const words = ask(`qkd ${typed}`)
      .split("\n")
      .map((line) => line.split("\t")[0] ?? "");
    const wanted = typed.endsWith(" --") ? expected.map((option) => `--${option}`) : expected;
    expect(words.filter((word) => word !== "").sort()).toEqual(wanted.toSorted());
  });
});

/** Does a single quote stand open at the end? In fish a backslash takes a quote's meaning inside quotes, in zsh outside. */
function unclosed(text: string, shell: string): boolean {
  let isOpen = false;
  const code = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n");
  for (let index = 0; index < code.length; index++) {
    if (code[index] === "\\" && isOpen === (shell === "fish")) index++;
    else if (code[index] === "'") isOpen = !isOpen;
  }
  return isOpen;
}

test("another shell is refused, naming those there are", async () => {
  const { code, err } = await recordedCli(["completion", "zhs"], { env: {}, cwd: folder });
  expect([code, err]).toEqual([1, 'qkd: no shell "zhs". Did you mean "zsh"?\n  (there are: bash, zsh, fish)']);
});
