/** VersionContainer. */
import * as v from "valibot";

export const VersionContainerSchema = v.looseObject({
  versions: v.array(v.string()),
  capabilities: v.optional(v.array(v.string())),
});

/** The asynchronous mode is not among the capabilities: V1.1.1 takes it for granted. */
export const VERSIONS = { versions: ["v1"], capabilities: ["synchronous_mode"] };
