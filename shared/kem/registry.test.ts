/** What docs/hybrid.md says of the mechanisms is what the table says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kemNamed } from "./names.ts";
import { KEM_NAMES, KEMS, type KemName } from "./registry.ts";

interface Told {
  readonly category: number;
  /** Public key, ciphertext, secret. */
  readonly lengths: readonly number[];
  readonly wire: string;
  readonly runs: string;
}

/** `X-AES`, `-SHAKE` and `X`, `f` in one cell are two names each; `(also ...)` is an alias. */
function namesOf(cell: string): readonly KemName[] {
  const [first = "", ...others] = [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");
  const written = others.map((other) => {
    if (other === "f") return first + other;
    return other.startsWith("-") ? first.replace(/-[A-Z]+$/, other) : other;
  });
  return [...new Set([first, ...written].map((name) => kemNamed(name) ?? expect.unreachable(name)))];
}

function toldOf(page: string): ReadonlyMap<KemName, Told> {
  const told = new Map<KemName, Told>();
  let wire = "";
  for (const line of page.split("### KEMs\n")[1]?.split("\n") ?? []) {
    if (line.startsWith("#")) break;
    const [names = "", , category, ...more] = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (!names.startsWith("`")) continue;
    const [publicKey, ciphertext, secret, revision = "", , runs = ""] = more;
    // An empty cell is as the one above it.
    wire = revision.replaceAll("`", "") || wire;
    const lengths = [publicKey, ciphertext, secret].map((text) => Number(text?.replaceAll(",", "")));
    for (const name of namesOf(names)) told.set(name, { category: Number(category), lengths, wire, runs });
  }
  return told;
}

test("docs/hybrid.md names every mechanism, with its lengths, category, revision and where it runs", () => {
  const told = toldOf(readFileSync(join(import.meta.dirname, "../../docs/hybrid.md"), "utf8"));
  const rows = KEM_NAMES.map((name) => {
    const { publicKeyBytes, ciphertextBytes, sharedSecretBytes, category, wire, runs } = KEMS[name];
    const lengths = [publicKeyBytes, ciphertextBytes, sharedSecretBytes];
    return [name, { category, lengths, wire, runs: runs === "agent" ? "agents" : "agents, edges" }] as const;
  });
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(rows));
  expect(KEM_NAMES).toHaveLength(29);
});
