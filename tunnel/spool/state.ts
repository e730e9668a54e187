/** What a spool remembers besides its blocks: who it is, and how far it has counted. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as v from "valibot";
import { codeOf } from "../log.ts";
import { type Open, writeDurably } from "./durable-files.ts";
import { seal, unseal } from "./sealed-block.ts";

const FILE = "state.json";
const INSTANCE_BYTES = 8;

const StateSchema = v.strictObject({
  /** Drawn when the spool was made: a spool that was deleted comes back as another one. */
  instance: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  /** Sealed under the spool's key: with another one, all its blocks would look damaged. */
  probe: v.pipe(v.string(), v.hexadecimal()),
  /** No number below was ever left unused, and none from here on was used by a block that is gone. */
  nextNumber: v.pipe(v.number(), v.integer(), v.minValue(0)),
});
export type SpoolState = v.InferOutput<typeof StateSchema>;

const PROBE = { id: "probe", bytes: new Uint8Array() };

/** @throws Error where it cannot be read (a spool that forgot its count would give numbers twice), or is of another key */
export async function readState(folder: string, key: Buffer, openFile: Open): Promise<SpoolState> {
  const file = path.join(folder, FILE);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    const instance = randomBytes(INSTANCE_BYTES).toString("hex");
    const fresh = { instance, probe: seal(key, instance, PROBE).toString("hex"), nextNumber: 0 };
    await writeState(folder, fresh, openFile);
    return fresh;
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), StateSchema), text);
  if (!parsed.success) throw new Error(`${file}: is not the state of a spool: ${parsed.issues[0].message}`);
  const { instance, probe } = parsed.output;
  if (unseal(key, instance, Buffer.from(probe, "hex")) === null) {
    throw new Error(`${folder}: what is in this spool was sealed under another key`);
  }
  return parsed.output;
}

export async function writeState(folder: string, state: SpoolState, openFile: Open): Promise<void> {
  await writeDurably(path.join(folder, FILE), JSON.stringify(state), openFile);
}
