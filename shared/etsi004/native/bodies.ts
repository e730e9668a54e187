/** Bodies of `/api/v1/streams`: the three calls of ETSI GS QKD 004 as JSON, with the standard's own names of members. */
import * as v from "valibot";
import { LIMITS } from "../../limits.ts";
import { PROFILES } from "../profiles.ts";
import { count, OBJECT, textUpTo } from "./members.ts";
import { StreamQosSchema } from "./qos.ts";

export * from "./answer-bodies.ts";
export { StreamQosSchema };

const address = textUpTo(LIMITS.streamUriChars);

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const ksid = v.pipe(v.string("shall be a UUID"), v.regex(UUID, "shall be a UUID"));

const BINDINGS = Object.keys(PROFILES) as (keyof typeof PROFILES)[];
/** For those who serve another binding by these routes, as site agents do: how its clients want to be treated. */
const binding = v.optional(v.picklist(BINDINGS, `shall be one of ${BINDINGS.join(", ")}`), "native");

export const OpenConnectSchema = v.object(
  {
    /** The caller where absent. */
    source: v.optional(address),
    destination: address,
    /** Absent or null: to be allocated. */
    key_stream_ID: v.nullish(ksid),
    QOS: v.optional(StreamQosSchema),
    binding,
  },
  OBJECT,
);

export const StreamGetKeySchema = v.object(
  {
    /** The next one of this end where absent. */
    index: v.optional(count),
    /** Capacity for metadata, in characters; 0: none is wanted. */
    Metadata_size: v.optional(count, 0),
    binding,
  },
  OBJECT,
);

export const StreamCloseSchema = v.object({ binding }, OBJECT);
