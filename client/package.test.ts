/** What `npm run build:client` makes: plain JavaScript and types, for browsers, Workers and any Node, with nothing beside it. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROJECT } from "../scripts/start/paths.ts";
import { tool } from "../scripts/start/tools.ts";
import { type Consumer, installClient, pagePrograms } from "../test/support/client-package.ts";

const readJson = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>;
const KEY = Buffer.alloc(32, 5).toString("base64");
const ID = "bc490419-7d60-487f-adc1-4ddcc177c139";

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installClient();
});
afterAll(() => consumer.remove());

const SCRIPT = `
  import { Etsi014Client } from "qkd-edge/client";
  const fetch = async () => new Response(JSON.stringify({ keys: [{ key_ID: "${ID}", key: "${KEY}" }] }));
  async function tell() {
    const [{ keyId, key }] = await new Etsi014Client({ baseUrl: "https://kme.invalid", fetch }).getKey("sae-b");
    return keyId + " " + key.length;
  }
`;
const TOLD = `${ID} 32`;

/** This one, and the one that the system has, which may be as old as is promised. */
function nodes(): readonly string[] {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "node"));
  const system = onPath.filter((file) => !file.includes("node_modules") && existsSync(file));
  return [process.execPath, ...system.slice(0, 1)];
}

test("it is one file that imports nothing, with its types and licences", () => {
  const files = readdirSync(consumer.installed).sort();
  expect(files).toEqual(["LICENSE", "LICENSE-valibot.md", "index.js", "package.json", "types"]);
  expect(readFileSync(join(consumer.installed, "index.js"), "utf8")).not.toMatch(/^import\b|\bimport\(|\brequire\(/m);
  const manifest = readJson(join(consumer.installed, "package.json"));
  expect(Object.keys(manifest).filter((member) => /dependencies/i.test(member))).toEqual([]);
  // Who has the whole repository finds the same at the same name.
  const [own, whole] = [manifest, readJson(join(PROJECT, "package.json"))].map(
    ({ exports }) => (exports as Record<string, Record<string, string>>)["./client"] ?? {},
  );
  for (const way of ["types", "default"]) {
    expect(join("client/dist", own?.[way] ?? "")).toBe(join(whole?.[way] ?? ""));
    expect(existsSync(join(consumer.installed, own?.[way] ?? ""))).toBe(true);
  }
});

test("any Node runs it", () => {
  const file = consumer.write("use.js", `${SCRIPT} console.log(await tell());`);
  for (const node of nodes()) expect(execFileSync(node, [file], { encoding: "utf8" }), node).toBe(`${TOLD}\n`);
});

/** As a page would load it. */
async function bundled(text: string): Promise<string> {
  const { outputFiles, metafile } = await build({
    entryPoints: [consumer.write("page.js", text)],
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([]);
  return outputFiles.map((file) => file.text).join("");
}

test("a browser's bundle needs nothing of Node", async () => {
  const text = await bundled(`${SCRIPT} globalThis.done(await tell());`);
  const done = new Promise<string>((resolve, reject) => {
    const web = { URL, Response, TextDecoder, TextEncoder, AbortSignal, AbortController, atob, btoa };
    const page = { ...web, setTimeout, clearTimeout, done: resolve, failed: reject };
    runInNewContext(`(async () => { ${text} })().catch(failed)`, page);
  });
  expect(await done).toBe(TOLD);
});

test.each([
  ["all of it", "*", 10_000],
  ["Etsi014Client alone", "{ Etsi014Client }", 6000],
])("%s is small", async (_what, names, maxBytes) => {
  const text = await bundled(`export ${names} from "qkd-edge/client";`);
  expect(gzipSync(text).length).toBeLessThan(maxBytes);
});

const WORKERD = `using Workerd = import "/workerd/workerd.capnp";
  const config :Workerd.Config = (services = [(name = "main", worker = .worker)]);
  const worker :Workerd.Worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")],
    compatibilityDate = "2024-01-01",
  );`;

test("a Worker runs it", async () => {
  consumer.write(
    "worker.js",
    await bundled(`${SCRIPT} export default { async test() { console.log("told", await tell()); } };`),
  );
  const config = consumer.write("worker.capnp", WORKERD);
  const { status, stdout, stderr } = spawnSync(tool("workerd"), ["test", config], { encoding: "utf8" });
  expect(stdout + stderr).toContain(`told ${TOLD}`);
  expect(status).toBe(0);
});

/** Type-checks files of the consumer. @returns complaints */
function check(files: Readonly<Record<string, string>>, types: readonly string[] = []): string {
  for (const [name, text] of Object.entries(files)) consumer.write(name, text);
  const compilerOptions = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    module: "nodenext",
    lib: ["es2024", "dom", "dom.iterable"],
    typeRoots: [join(PROJECT, "node_modules/@types")],
    types,
  };
  consumer.write("tsconfig.json", JSON.stringify({ compilerOptions, files: Object.keys(files) }));
  const tsc = join(PROJECT, "node_modules/typescript/bin/tsc");
  return spawnSync(process.execPath, [tsc, "-p", consumer.folder], { encoding: "utf8" }).stdout;
}

test("what its page shows can be compiled", () => {
  const programs = pagePrograms();
  expect(programs.length).toBeGreaterThan(3);
  const files = programs.map((text, i) => [`program-${i}.ts`, text] as const);
  expect(check(Object.fromEntries(files), ["node"])).toBe("");
});

test("its types are found, and need no others", () => {
  const text = `import { Etsi004Client, Etsi014Client, KmsClient, kmsUrls, type KmeStatus, OAuthError, StreamError } from "qkd-edge/client";
     const kme = new Etsi014Client({ baseUrl: "https://kme.invalid", token: () => "a-token" });
     export const status: Promise<KmeStatus> = kme.status("sae-b");
     export async function first(): Promise<Uint8Array> {
       const streams = new Etsi004Client({ baseUrl: "https://edge.invalid" });
       const stream = await streams.openConnect({ destination: "sae-c", qos: { chunkBytes: 32 } });
       return (await streams.getKey(stream, { index: 0 })).key;
     }
     const options = { urls: kmsUrls("https://edge.invalid"), client: { id: "html5", secret: "" } };
     export const key: Promise<{ readonly key: Uint8Array }> = new KmsClient({ ...options, grant: { type: "client_credentials" } }).newKey("B");
     export const isFull = (error: unknown): boolean => error instanceof StreamError && error.qos?.minBps === 0;
     export const isWrong = (error: unknown): boolean => error instanceof OAuthError && error.code === "invalid_grant";
     // @ts-expect-error: a destination is needed
     export const wrong = new Etsi004Client({ baseUrl: "https://edge.invalid" }).openConnect({});
     // @ts-expect-error: so is a password
     export const none = new KmsClient({ ...options, grant: { type: "password", username: "alice" } });`;
  expect(check({ "use.ts": text })).toBe("");
});
