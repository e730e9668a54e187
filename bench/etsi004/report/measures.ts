/** What was measured. What was not is absent. */
import type { PostprocessOptions, PostprocessResult } from "../postprocess.ts";
import type { Jobs, Rate } from "../load/jobs.ts";

type GetKeys = Jobs["get-key"]["gives"];

/** Taken one right after the other. */
export interface GetKeyRound {
  /** The barest way to an object that does nothing; the way of GET_KEY to one; and GET_KEY. */
  readonly bare: Rate;
  readonly noop: Rate;
  readonly stream: GetKeys;
}
export interface GetKeyResult {
  readonly connections: number;
  readonly rounds: readonly GetKeyRound[];
}

export type OpensResult = Jobs["opens"]["gives"];
export type BinaryResult = Jobs["binary"]["gives"];

/** Detections per second. */
export interface SamplingResult {
  readonly seededPerS: number;
  readonly platformPerS: number;
}

export interface StreamResults {
  getKey?: readonly GetKeyResult[];
  opens?: OpensResult;
  binary?: BinaryResult;
  sampling?: SamplingResult;
  postprocess?: { readonly options: PostprocessOptions; readonly measured: PostprocessResult };
}
