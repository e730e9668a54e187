/** What of files goes into which reader; the readers have tests of their own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../run.ts";

const EXAMPLES = path.join(import.meta.dirname, "../../examples/hybrid");
const CONFIG = path.join(EXAMPLES, "bob/config.json");
const PEERS = path.join(EXAMPLES, "bob/trusted_peers_info.json");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "qkd-import-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function imported(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = {
    line: (text: string) => void out.push(text),
    note: (text: string) => void err.push(text),
    redraw: () => undefined,
    live: false,
    columns: 80,
  };
  const code = await runCli(["import", ...argv], terminal, { env: {}, cwd: folder });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

const put = (name: string, text: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};

test("a hybridization module's two files, in any order", async () => {
  const [first, second] = [await imported(CONFIG, PEERS), await imported(PEERS, CONFIG)];
  expect(first.code).toBe(0);
  expect(second.out).toBe(first.out);
  expect(first.out).toContain('[hybrid.module]\nlisten = "10.10.11.246:3001"');
  expect(first.out).not.toContain("123456789");
  expect(first.out).toContain("(tn-1 and sae-a stand for what the files do not tell: --node, --sae)");
});

test("for another node and application, as JSON", async () => {
  const { out } = await imported(CONFIG, PEERS, "--node", "tn-2", "--sae", "sae-c", "--json");
  const { toml, mapped, ignored } = JSON.parse(out) as { toml: string; mapped: unknown[]; ignored: unknown[] };
  expect(toml).toContain('sae = "sae-c"\nnode = "tn-2"');
  expect(toml).toContain('[[hybrid.node]]\nid = "tn-2"');
  expect([mapped.length, ignored.length]).toEqual([14, 6]);
});

test("a qkd-module's one file", async () => {
  const file = put("configM.yaml", "module:\n  sender: 1\n  sim: fake\n");
  const { code, out } = await imported(file, "--nodes", "tn-2,tn-3");
  expect(code).toBe(0);
  expect(out).toContain('"id": "tn-2-tn-3"');
});

test("what does not go together is told", async () => {
  const link = put("configM.yaml", "module:\n  sender: 1\n  sim: fake\n");
  const odd = put("odd.json", JSON.stringify({ hybridization_server_address: {}, peer_local_address: {} }));
  const cases: readonly (readonly [files: readonly string[], words: string])[] = [
    [[CONFIG], "has two files, config.json and trusted_peers_info.json"],
    [[CONFIG, CONFIG], "has two files"],
    [[CONFIG, link], "has two files"],
    [[link, link], "two files are one hybridization module's, and these are not"],
    [[odd, PEERS], "uuid: missing"],
    [[path.join(folder, "none")], "cannot be read"],
    [[put("not.yaml", "a: [")], "is not YAML"],
    [[put("large.yaml", `a: ${"x".repeat(70_000)}`)], "more than 65536 bytes"],
  ];
  for (const [files, words] of cases) {
    const { code, err } = await imported(...files);
    expect(code).toBe(1);
    expect(err).toContain(words);
  }
});
