/** Which cases are run on what has a fault: there are many faults, and each costs as much as a run without. */

/** All of them with QKD_TEST_LONG=1. */
const SHARES = process.env["QKD_TEST_LONG"] === undefined ? 6 : 1;

interface Due<C> {
  readonly cases: readonly C[];
  /** Names of all faults. */
  readonly faults: readonly string[];
  /** Those that take long: they are run only where they have to find it. */
  readonly long?: ReadonlySet<string>;
}

/**
 * Those that are not to pass, and a sixth of the others: another sixth with the next fault. Without a fault all.
 * @param expected ids of cases that are not to pass
 */
export function dueCases<C extends { readonly id: string }>(
  { cases, faults, long = new Set() }: Due<C>,
  fault: string | null,
  expected: readonly string[],
): readonly C[] {
  const turn = faults.indexOf(fault ?? "");
  const isTurn = (id: string, at: number): boolean => !long.has(id) && (at + turn) % SHARES === 0;
  return cases.filter(({ id }, at) => fault === null || expected.includes(id) || isTurn(id, at));
}
