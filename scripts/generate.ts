/**
 * Writes what is generated from the code and committed: the OpenAPI document, the JSON Schemas of the network document
 * and of `agent.toml`, and the reference of commands. `--check` writes nothing and exits 1 when a file is stale.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "../cli/commands/index.ts";
import { NetworkDocumentSchema } from "../shared/network/document.ts";
import { AgentConfigSchema } from "../tunnel/agent/config/schema.ts";
import { cliPage } from "./generate/cli-page.ts";
import { buildOpenapi, type Json, jsonSchemaOf } from "./generate/openapi.ts";

const root = new URL("../", import.meta.url);
const pathOf = (file: string) => fileURLToPath(new URL(file, root));

const schemaFile = (title: string, schema: Json): string =>
  text({ $schema: "https://json-schema.org/draft/2020-12/schema", title, ...(schema as object) });

/** Rules between several fields: the agent tells them, with the line. */
const BETWEEN_FIELDS = ["check", "raw_check"];

const text = (value: Json) => `${JSON.stringify(value, null, 1)}\n`;

/** File -> what it shall hold. */
export async function generated(): Promise<Readonly<Record<string, string>>> {
  const { version } = JSON.parse(await readFile(pathOf("package.json"), "utf8")) as { version: string };
  return {
    "shared/api/openapi.json": text(buildOpenapi(version)),
    "docs/schema/network.schema.json": schemaFile("qkd-edge network document", jsonSchemaOf(NetworkDocumentSchema)),
    "docs/schema/agent.schema.json": schemaFile(
      "qkd-agent configuration (agent.toml)",
      jsonSchemaOf(AgentConfigSchema, BETWEEN_FIELDS),
    ),
    "docs/cli.md": cliPage(await readFile(pathOf("docs/cli.md"), "utf8"), COMMANDS),
  };
}

/** The generated files that differ from what is on disk. */
export async function staleFiles(): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const [file, content] of Object.entries(await generated())) {
    const present = await readFile(pathOf(file), "utf8").catch(() => null);
    if (present !== content) stale.push(file);
  }
  return stale;
}

async function main(check: boolean): Promise<number> {
  const stale = await staleFiles();
  if (check) {
    for (const file of stale) console.error(`${file} is stale: run "npm run generate" and commit it`);
    return stale.length === 0 ? 0 : 1;
  }
  const contents = await generated();
  for (const file of stale) {
    await writeFile(pathOf(file), contents[file] ?? "");
    console.log(`wrote ${file}`);
  }
  if (stale.length === 0) console.log("everything generated is up to date");
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.includes("--check"));
