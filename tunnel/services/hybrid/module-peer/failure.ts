/** Why there is no key from a hybridization module. */
import { err, type Result } from "../../../../shared/result.ts";

export type ModuleCode =
  /** Nobody there, or nobody that answers. */
  | "peer-not-come"
  /** Its certificate, or ours as it says, is not one to trust. */
  | "peer-not-trusted"
  /** It hung up, or said what it should not: the session is over. */
  | "peer-gone"
  /** An exchange that the other end has not taken part in yet: asked again, the same one goes on. */
  | "timeout"
  | "kem-failed"
  | "busy"
  /** By who asked. */
  | "aborted";

export interface ModuleFailure {
  readonly code: ModuleCode;
  /** For people; names no key. */
  readonly detail: string;
}

export const failed = (code: ModuleCode, detail: string): Result<never, ModuleFailure> => err({ code, detail });
