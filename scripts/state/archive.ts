/**
 * A state folder as one file: a gzipped tar, by the system's own `tar`, with a manifest in front. What would keep for
 * ever what is to be erased, or mean another process, stays out.
 */
import { spawn } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { isThere, syncFolder } from "../start/files.ts";
import { messageOf, StartFailure } from "../start/failure.ts";

const MANIFEST = "qkd-edge-backup.json";
const FORMAT = 1;
/** How what a restore has moved aside is called, in the folder itself. */
export const ASIDE = "before-restore";

const ManifestSchema = v.object({
  format: v.literal(FORMAT),
  at: v.pipe(v.string(), v.isoTimestamp()),
  /** Of package.json. */
  release: v.string(),
});
export type Manifest = v.InferOutput<typeof ManifestSchema>;

/**
 * Epoch keys: whoever has them and the storage opens what was erased since. Spools: their material was pushed since, and
 * a pool put back does not know that. The rest is of the processes that ran.
 */
const LEFT_OUT = [
  "./epoch-keys",
  "./secrets.json",
  "./dev",
  "./agents/*/spool",
  "./run",
  "./lock",
  "./ports.json",
  `./${ASIDE}*`,
  // Where a backup is being written, should that be in here.
  "./.qkd-backup-*",
];

/** @throws StartFailure in tar's words; the file is there whole or not at all, and its owner's alone */
export async function pack(root: string, file: string, manifest: Manifest): Promise<void> {
  if (isThere(file)) throw new StartFailure(`${file} is there already: a backup never replaces another`);
  const folder = mkdtempSync(join(dirname(file), ".qkd-backup-"));
  try {
    writeFileSync(join(folder, MANIFEST), `${JSON.stringify(manifest)}\n`, { mode: 0o600 });
    const draft = join(folder, "draft");
    // There before tar writes into it, so that it is closed to others from its first byte on.
    writeFileSync(draft, "", { mode: 0o600 });
    const excluded = LEFT_OUT.map((path) => `--exclude=${path}`);
    await tar(["-czf", draft, "-C", folder, MANIFEST, "-C", root, "--anchored", "--wildcards", ...excluded, "."]);
    await checkMembers(draft);
    const written = openSync(draft, "r");
    fsyncSync(written);
    closeSync(written);
    renameSync(draft, file);
    syncFolder(dirname(file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws StartFailure where the file is none of ours, or damaged */
export async function readManifest(file: string): Promise<Manifest> {
  if (!isThere(file)) throw new StartFailure(`there is no ${file}`);
  const text = await tar(["-xzOf", file, "--occurrence=1", MANIFEST]).catch(() => "");
  const manifest = v.safeParse(v.pipe(v.string(), v.parseJson(), ManifestSchema), text);
  if (!manifest.success) throw new StartFailure(`${file} is no backup of this software, or is damaged`);
  await checkMembers(file);
  return manifest.output;
}

/**
 * Reads it to its end: gzip's checksum tells whether all of it is as it was written. A link leads to what is not in the
 * backup; put back, to wherever its maker wanted things to be written.
 * @throws StartFailure naming the first member that is neither a file nor a folder
 */
async function checkMembers(file: string): Promise<void> {
  const listed = await tar(["-tvzf", file]);
  const other = listed.split("\n").find((line) => line !== "" && !/^[-d]/.test(line));
  if (other !== undefined) throw new StartFailure(`neither a file nor a folder, and so not in a backup: ${other}`);
}

/** Into a folder that is there. */
export async function unpack(file: string, root: string): Promise<void> {
  await tar(["-xzpf", file, "-C", root, `--exclude=${MANIFEST}`, "--no-same-owner"]);
}

function tar(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("tar", args, { stdio: ["ignore", "pipe", "pipe"] });
    const [out, errors]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    child.on("error", (error) => reject(new StartFailure(`tar cannot be run: ${messageOf(error)}`, { cause: error })));
    child.on("close", (code) => {
      const [reason = `code ${code}`] = Buffer.concat(errors).toString().trim().split("\n");
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new StartFailure(reason));
    });
  });
}
