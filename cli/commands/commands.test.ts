/** Every command has help, a place in docs/cli.md and a test that runs it. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { recordedCli } from "../../test/support/recorded-cli.ts";
import { EXIT, EXIT_WORDS } from "../lib/failure.ts";
import { COMMANDS } from "./index.ts";

/** What they print is for a shell, for people to watch, or JSON in any case. */
const NO_JSON = new Set(["completion", "bench", "audit keys"]);
const PROJECT = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(PROJECT, "docs", "cli.md"), "utf8");
const around = { env: {}, cwd: PROJECT };
const tests = globSync(["cli/**/*.test.ts", "test/{e2e,conformance}/**/*.test.ts", "test/support/*.ts"], {
  cwd: PROJECT,
})
  .filter((file) => !file.endsWith("commands.test.ts"))
  .map((file) => readFileSync(join(PROJECT, file), "utf8"));

/** Its words as arguments: `"network", "apply"`. */
const isRun = (name: string): boolean => {
  const words = name.split(" ").map((word) => `"${word}"`);
  const call = new RegExp(String.raw`[(\[]\s*${words.join(String.raw`,\s*`)}[,)\]]`);
  return tests.some((text) => call.test(text));
};

describe.each(COMMANDS.map((command) => [command.name, command] as const))(
  "%s",
  (name, { summary, options, notes }) => {
    test("has help", async () => {
      const { code, out } = await recordedCli([...name.split(" "), "--help"], around);
      expect(code).toBe(EXIT.ok);
      expect(out).toContain(`qkd ${name}: ${summary}`);
      for (const [option, { help }] of Object.entries(options)) {
        expect([out.includes(`--${option}`), help.length > 0]).toEqual([true, true]);
      }
      for (const line of notes ?? []) expect(out).toContain(line);
    });

    test("prints JSON where that is asked for", () => {
      expect(NO_JSON.has(name) || options["json"]?.type === "boolean").toBe(true);
    });

    test("stands in docs/cli.md", () => {
      const parts = [`| [\`${name}\`](#${name.replaceAll(" ", "-")}) |`, `\n### ${name}\n`];
      expect(parts.filter((part) => !page.includes(part))).toEqual([]);
    });

    test("is run by a test", () => expect(isRun(name)).toBe(true));
  },
);

test("exit codes are all different, all in the help and in docs/cli.md", async () => {
  const { out } = await recordedCli(["--help"], around);
  const codes = Object.values(EXIT);
  expect(new Set(codes).size).toBe(codes.length);
  for (const name of Object.keys(EXIT) as (keyof typeof EXIT)[]) {
    expect(out).toContain(`  ${EXIT[name]}  ${EXIT_WORDS[name]}`);
    expect(page).toContain(`| ${EXIT[name]} | ${EXIT_WORDS[name]} |`);
  }
});
