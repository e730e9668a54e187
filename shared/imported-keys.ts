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

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
