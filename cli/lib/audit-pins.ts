/**
 * What is known of audit logs from before, in a file of the one who verifies: their public keys, and the newest checkpoint
 * seen of each. A log that was changed or cut since, by whomever, does not go together with it.
 */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import * as v from "valibot";
import { AuditKeySchema, CheckpointSchema } from "../../shared/audit/checkpoint.ts";
import { CliFailure } from "./failure.ts";
import { readJson } from "./settings.ts";

const PinSchema = v.strictObject({
  keys: v.array(AuditKeySchema),
  /** The newest seen; null: none yet. */
  checkpoint: v.nullable(CheckpointSchema),
});
export type Pin = v.InferOutput<typeof PinSchema>;

const PinsSchema = v.strictObject({ qkd_audit_pins: v.literal(1), logs: v.record(v.string(), PinSchema) });
export type Pins = Readonly<Record<string, Pin>>;

/** By log. @throws CliFailure where it is no such file */
export function readPins(file: string): Pins {
  const pins = v.safeParse(PinsSchema, readJson(file));
  if (pins.success) return pins.output.logs;
  const [issue] = pins.issues;
  const where = v.getDotPath(issue) ?? "the file";
  throw new CliFailure(
    `${file} holds no keys of audit logs: ${where}: ${issue.message}`,
    "`qkd audit keys` prints them",
  );
}

/** None where the file is still to be. */
export const readPinsIfAny = (file: string): Pins => (existsSync(file) ? readPins(file) : {});

export const pinsText = (logs: Pins): string => `${JSON.stringify({ qkd_audit_pins: 1, logs }, null, 2)}\n`;

/** All of it or nothing. @throws CliFailure with the system's reason */
export function writePins(file: string, logs: Pins): void {
  try {
    writeFileSync(`${file}.new`, pinsText(logs), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw new CliFailure(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
