/**
 * The configuration of qkd-module (its `configM.yaml`, version 0.9): what each key becomes here, or why it becomes
 * nothing. Takes the file as parsed; the values of secrets are not repeated.
 */
import { type IgnoredKey, type ImportedKeys, type KeyReader, type MappedKey, readKeys } from "../imported-keys.ts";
import { isRecord } from "../records.ts";
import type { ModuleRole } from "./status.ts";
import { SIMULATIONS, type Simulation } from "./settings.ts";

export interface ImportedConfig extends ImportedKeys {
  readonly role: ModuleRole;
  readonly sim: Simulation;
  /** Members of the link's `module`. */
  readonly module: { readonly max_key_count?: number; readonly eve_share?: number };
}

/** The whole share: the original's Eve, where she works, measures every pulse. */
const EVE_SHARE = 1;
/** Its keys are as long as the stream asks for, 128 bits in its examples; a link counts keys of the policy's size. */
const KEY_COUNT_NOTE = "keys of the policy's default size in the pool";

const IGNORED: Readonly<Record<string, string>> = {
  "internal_db.host": "state is in the module's own storage: there is no MySQL",
  "internal_db.port": "state is in the module's own storage: there is no MySQL",
  "internal_db.user": "state is in the module's own storage: there is no MySQL",
  "internal_db.passwd": "state is in the module's own storage: there is no MySQL",
  "internal_db.database": "state is in the module's own storage: there is no MySQL",
  "simulator.table": "state is in the module's own storage: there is no table",
  "simulator.private_key": "the module makes its own SLH-DSA key pair: one that stood in a file is not used again",
  "simulator.public_key": "the two modules tell one another their public keys",
  "module.table": "state is in the module's own storage: there is no table",
  "vault.host": "key is sealed in the pool: there is no Vault",
  "vault.port": "key is sealed in the pool: there is no Vault",
  "vault.token": "key is sealed in the pool: there is no Vault",
};

type Value = string | number | boolean | null;
interface Draft {
  role: ModuleRole;
  sim: Simulation;
  module: { max_key_count?: number; eve_share?: number };
  readonly problems: string[];
}

const isYes = (value: unknown): boolean | null => {
  const text = String(value).toLowerCase();
  if (["yes", "true", "on", "1"].includes(text)) return true;
  return ["no", "false", "off", "0"].includes(text) ? false : null;
};

const READERS: Readonly<Record<string, KeyReader<Draft>>> = {
  "module.sender"(value, found) {
    const sends = isYes(value);
    if (sends === null) return null;
    found.role = sends ? "sender" : "receiver";
    return sends ? "sender: this end's node is the link's first" : "receiver: this end's node is the link's second";
  },
  "module.sim"(value, found) {
    const sim = SIMULATIONS.find((each) => each === value);
    if (sim === undefined) return null;
    found.sim = sim;
    return `the link's source: ${sim}`;
  },
  "module.max_key_count"(value, found) {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) return null;
    found.module.max_key_count = value;
    return `module.max_key_count: ${value} ${KEY_COUNT_NOTE}`;
  },
  "simulator.eve"(value, found) {
    const listens = isYes(value);
    if (listens === null) return null;
    if (listens) found.module.eve_share = EVE_SHARE;
    return `module.eve_share: ${listens ? EVE_SHARE : 0} (it works here: 0.1 is one pulse in ten)`;
  },
};

/** Keys without which there is no module. */
const NEEDED = ["module.sender", "module.sim"] as const;

/** @param parsed what the YAML file holds */
export function importConfig(parsed: unknown): ImportedConfig {
  const found: Draft = { role: "sender", sim: "fake", module: {}, problems: [] };
  const mapped: MappedKey[] = [];
  const ignored: IgnoredKey[] = [];
  const keys = new Map(entriesOf(parsed, found.problems));
  const table = { readers: READERS, ignored: IGNORED, unknown: "qkd-module knows no such key" };
  readKeys(keys, table, found, { mapped, ignored, problems: found.problems });
  for (const key of NEEDED) if (!keys.has(key)) found.problems.push(`${key}: missing`);
  return { ...found, mapped, ignored };
}

/** Keys of the two levels that the file has. */
function* entriesOf(parsed: unknown, problems: string[]): Generator<[string, Value]> {
  if (!isRecord(parsed)) {
    problems.push("not a configuration of qkd-module: it has sections with keys");
    return;
  }
  for (const [section, members] of Object.entries(parsed)) {
    if (!isRecord(members)) {
      yield [section, null];
      continue;
    }
    for (const [key, value] of Object.entries(members)) {
      const isPlain = value === null || ["string", "number", "boolean"].includes(typeof value);
      yield [`${section}.${key}`, isPlain ? (value as Value) : null];
    }
  }
}
