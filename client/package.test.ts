/** What `npm run build:client` makes: plain JavaScript and types, for browsers, Workers and any Node. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runInNewContext } from "node:vm";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const PROJECT = resolve(import.meta.dirname, "..");
const MANIFEST = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
};
const KEY = Buffer.alloc(32, 5).toString("base64");
const ID = "bc490419-7d60-487f-adc1-4ddcc177c139";

/** A package that has installed this one; below the project, so that it finds what the client depends on. */
let consumer: string;
/** @returns what it complains about */
const tsc = (...args: readonly string[]): string =>
  spawnSync(process.execPath, [join(PROJECT, "node_modules/typescript/bin/tsc"), ...args], { encoding: "utf8" }).stdout;

beforeAll(() => {
  mkdirSync(join(PROJECT, "node_modules/.cache"), { recursive: true });
  consumer = mkdtempSync(join(PROJECT, "node_modules/.cache/client-"));
  const installed = join(consumer, "node_modules/qkd-edge");
  mkdirSync(installed, { recursive: true });
  symlinkSync(join(PROJECT, "package.json"), join(installed, "package.json"));
  expect(tsc("-p", join(PROJECT, "client"), "--outDir", join(installed, "client/dist"))).toBe("");
  writeFileSync(join(consumer, "package.json"), '{"type":"module"}');
});
afterAll(() => rmSync(consumer, { recursive: true, force: true }));

const SCRIPT = `
  import { Etsi014Client } from "qkd-edge/client";
  const fetch = async () => new Response(JSON.stringify({ keys: [{ key_ID: "${ID}", key: "${KEY}" }] }));
  const [{ keyId, key }] = await new Etsi014Client({ baseUrl: "https://kme.invalid", fetch }).getKey("sae-b");
`;

test("Node runs it", () => {
  writeFileSync(join(consumer, "use.js"), `${SCRIPT} console.log(keyId, key.length);`);
  expect(execFileSync(process.execPath, [join(consumer, "use.js")], { encoding: "utf8" })).toBe(`${ID} 32\n`);
});

test("a browser's bundle needs nothing of Node, and is small", async () => {
  writeFileSync(join(consumer, "page.js"), `${SCRIPT} globalThis.done(keyId, key.length);`);
  const { outputFiles, metafile } = await build({
    entryPoints: [join(consumer, "page.js")],
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  expect(imports).toEqual([]);
  const text = outputFiles.map((file) => file.text).join("");
  expect(text.length).toBeLessThan(40_000);
  const done = new Promise<readonly [string, number]>((resolveDone, reject) => {
    const web = {
      URL,
      Response,
      TextDecoder,
      TextEncoder,
      AbortSignal,
      AbortController,
      atob,
      btoa,
      setTimeout,
      clearTimeout,
    };
    const page = { ...web, done: (...args: readonly [string, number]) => resolveDone(args), failed: reject };
    runInNewContext(`(async () => { ${text} })().catch(failed)`, page);
  });
  expect(await done).toEqual([ID, 32]);
});

/** Type-checks files of the consumer. @returns complaints */
function check(files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(consumer, name), text);
  const compilerOptions = { noEmit: true, strict: true, module: "nodenext", lib: ["es2024", "dom"], types: [] };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
  return tsc("-p", consumer);
}

test("what its page shows can be compiled", () => {
  const page = readFileSync(join(PROJECT, "docs/etsi004/client.md"), "utf8");
  const blocks = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(
    ([, text = ""], i) => [`block-${i}.ts`, text] as const,
  );
  expect(blocks).toHaveLength(4);
  expect(check(Object.fromEntries(blocks))).toBe("");
});

test("its types are found, and need no others", () => {
  const text = `import { Etsi004Client, Etsi014Client, type KmeStatus, StreamError } from "qkd-edge/client";
     const kme = new Etsi014Client({ baseUrl: "https://kme.invalid", token: () => "a-token" });
     export const status: Promise<KmeStatus> = kme.status("sae-b");
     export async function first(): Promise<Uint8Array> {
       const streams = new Etsi004Client({ baseUrl: "https://edge.invalid" });
       const stream = await streams.openConnect({ destination: "sae-c", qos: { chunkBytes: 32 } });
       return (await streams.getKey(stream, { index: 0 })).key;
     }
     export const isFull = (error: unknown): boolean => error instanceof StreamError && error.qos?.minBps === 0;
     // @ts-expect-error: a destination is needed
     export const wrong = new Etsi004Client({ baseUrl: "https://edge.invalid" }).openConnect({});`;
  expect(check({ "use.ts": text })).toBe("");
  expect(MANIFEST.exports["./client"]?.["types"]).toBe("./client/dist/client/index.d.ts");
});
