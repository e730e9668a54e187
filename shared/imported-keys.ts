/** What becomes of the keys of another project's configuration: each of them does, or it is told why it does not. */

export interface MappedKey {
  /** `module.sim`. */
  readonly key: string;
  readonly becomes: string;
}

export interface IgnoredKey {
  readonly key: string;
  readonly why: string;
}

export interface ImportedKeys {
  readonly mapped: readonly MappedKey[];
  readonly ignored: readonly IgnoredKey[];
  /** What is wrong with the file; then the rest says little. */
  readonly problems: readonly string[];
}

/** Reads the value of one key into the settings. @returns what the key becomes; null for a value it cannot have */
export type KeyReader<Settings> = (value: unknown, settings: Settings) => string | null;

/** @returns readers that read a value with `of`, and say what it becomes where it is one */
export const readersInto =
  <Settings>() =>
  <T>(of: (value: unknown) => T | null, set: (settings: Settings, value: T) => string): KeyReader<Settings> =>
  (value, settings) => {
    const read = of(value);
    return read === null ? null : set(settings, read);
  };

export const portOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : null;

export const hostOf = (value: unknown): string | null =>
  typeof value === "string" && /^[^\s[\]]{1,255}$/.test(value) ? value : null;

/** In whichever case; said in lower case. */
export function uuidOf(value: unknown): string | null {
  const text = typeof value === "string" ? value.toLowerCase() : "";
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : null;
}

export interface KeyTable<Settings> {
  readonly readers: Readonly<Record<string, KeyReader<Settings>>>;
  /** Why keys that are known become nothing. */
  readonly ignored: Readonly<Record<string, string>>;
  /** Why others do. */
  readonly unknown: string;
}

interface KeysRead {
  readonly mapped: MappedKey[];
  readonly ignored: IgnoredKey[];
  readonly problems: string[];
}

/** Reads a file's keys into the settings, and tells what becomes of each. */
export function readKeys<Settings>(
  keys: Iterable<readonly [key: string, value: unknown]>,
  { readers, ignored: known, unknown }: KeyTable<Settings>,
  settings: Settings,
  { mapped, ignored, problems }: KeysRead,
): void {
  for (const [key, value] of keys) {
    const read = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (read === undefined) {
      ignored.push({ key, why: (Object.hasOwn(known, key) ? known[key] : undefined) ?? unknown });
      continue;
    }
    const becomes = read(value, settings);
    if (becomes === null) problems.push(`${key}: ${JSON.stringify(value)} is none of its values`);
    else mapped.push({ key, becomes });
  }
}
