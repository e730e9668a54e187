/** Exit codes and the one kind of error that commands throw on purpose. */

/** Scripts rely on them. */
export const EXIT = { ok: 0, error: 1, quarantined: 2, found: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each says: in `qkd --help` and docs/cli.md. */
export const EXIT_WORDS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done",
  error: "an error: nothing was done, or not all of it; stderr says what",
  quarantined: "ingest: some of the material was quarantined",
  found: "doctor, audit verify: what was examined is not as it shall be",
};

/** Something the user can do about: printed as it stands, without a stack. */
export class CliFailure extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "CliFailure";
    this.hint = hint;
  }
}
