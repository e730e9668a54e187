/** Exit codes and the one kind of error that commands throw on purpose. */

/** Documented in `qkd --help`; scripts rely on them. */
export const EXIT = { ok: 0, error: 1, quarantined: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Something the user can do about: printed as it stands, without a stack. */
export class CliFailure extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "CliFailure";
    this.hint = hint;
  }
}
