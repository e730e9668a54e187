import { type Fault, fail } from "../errors/errors.ts";
import type { Result } from "../result.ts";

/** The answer to a question that may break on its way: what is thrown is no answer. */
export async function asked<T>(question: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
  try {
    return await question();
  } catch {
    // Its words are of a runtime, not for the other end.
    return fail("unavailable", "a part of the relay did not answer");
  }
}
