/** The client library as who has installed it has it: built, and alone. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildClient } from "../../scripts/client/package.ts";
import { PROJECT } from "../../scripts/start/paths.ts";
import type { ReachedNetwork } from "./run-network.ts";

export interface Consumer {
  /** A project far from this one, whose one package is `qkd-edge`. */
  readonly folder: string;
  /** Of the installed package. */
  readonly installed: string;
  write(name: string, text: string): string;
  remove(): void;
}

export async function installClient(): Promise<Consumer> {
  const folder = mkdtempSync(join(tmpdir(), "qkd-client-"));
  const installed = join(folder, "node_modules", "qkd-edge");
  mkdirSync(installed, { recursive: true });
  await buildClient(installed, new AbortController().signal);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  return {
    folder,
    installed,
    write: (name, text) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The page's programs, in its order. */
export const pagePrograms = (): readonly string[] =>
  [...readFileSync(join(PROJECT, "docs/client.md"), "utf8").matchAll(/^```ts\n([^]*?)^```$/gm)].map(
    ([, text = ""]) => text,
  );

/** A program of the page, with what its reader puts in: where the network is, and tokens. */
export const pointedAt = ({ edge, kme, state, tokens }: ReachedNetwork, program: string): string =>
  program
    .replaceAll("https://edge.example.org", edge)
    .replaceAll("https://127.0.0.1:9000", kme["tn-1"] ?? "")
    .replaceAll(".qkd/", `${state}/`)
    .replaceAll(/the token of ([\w-]+)/g, (_text, sae: string) => tokens[sae] ?? "");
