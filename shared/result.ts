/**
 * The outcome of an operation that can fail in expected ways. Durable Object RPC loses error subclasses, so objects
 * answer with this union instead of throwing.
 */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error });

/** What all of them hold, or the first error. */
export function allOf<T, E>(results: readonly Result<T, E>[]): Result<readonly T[], E> {
  const values: T[] = [];
  for (const result of results) {
    if (!result.ok) return result;
    values.push(result.value);
  }
  return ok(values);
}

/**
 * The same outcome, as one's own. What an object has answered by RPC bears a disposer; who answers with it in turn would
 * leave it to its own caller to dispose of it, and the engine complains of who does not.
 */
export const asOwn = <T, E>(result: Result<T, E>): Result<T, E> => (result.ok ? ok(result.value) : err(result.error));
