/** An errand as it comes from the edge: of that only, but checked all the same, as it may be of another release. */
import * as v from "valibot";
import { decodeUtf8, parseJson } from "../../../shared/bytes/json.ts";
import { checkTree } from "../../../shared/ipsec/check-tree.ts";
import type { Errand } from "../../../shared/ipsec/errand.ts";
import { SAD_ENTRY, type SadEntry, SPD_ENTRY, type SpdEntry } from "../../../shared/ipsec/model.ts";
import type { Nodes } from "../../../shared/ipsec/yang.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.ipsecTextChars));
const whole = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));

/** RFC 9061's model, without what rules say beside it: the edge has judged by those, which depend on the host. */
const entryOf = <Entry>(nodes: Nodes, what: string) =>
  v.pipe(
    v.unknown(),
    v.rawTransform<unknown, Entry>(({ dataset, addIssue, NEVER }) => {
      const { tree, faults } = checkTree(nodes, dataset.value, what);
      const [fault] = faults;
      if (fault === undefined) return tree as Entry;
      addIssue({ message: `${fault.path} ${fault.message}` });
      return NEVER;
    }),
  );
const sad = entryOf<SadEntry>(SAD_ENTRY, "sad-entry");
const spd = entryOf<SpdEntry>(SPD_ENTRY, "spd-entry");

const uri = v.pipe(v.string(), v.startsWith("hybrid://"), v.maxLength(LIMITS.streamUriChars));
const keyed = {
  entry: sad,
  key: v.object({
    source: uri,
    destination: uri,
    keyBytes: whole(LIMITS.hybridChunkBytes),
    chunkBytes: whole(LIMITS.hybridChunkBytes),
    waitMs: whole(LIMITS.ipsecMeetMs),
  }),
  layout: v.object({
    encryptionBytes: whole(LIMITS.hybridChunkBytes),
    saltBytes: whole(LIMITS.hybridChunkBytes),
    integrityBytes: whole(LIMITS.hybridChunkBytes),
    thrice: v.boolean(),
  }),
};

const ErrandSchema = v.object({
  id: v.pipe(v.string(), v.uuid()),
  node: name,
  again: v.boolean(),
  operations: v.pipe(
    v.array(
      v.variant("do", [
        v.object({ do: v.literal("create-spd"), entry: spd }),
        v.object({ do: v.literal("create-sad"), ...keyed }),
        v.object({ do: v.literal("hold"), ...keyed }),
        v.object({ do: v.literal("install"), name }),
        v.object({ do: v.literal("forget"), name }),
        v.object({ do: v.literal("delete"), kind: v.picklist(["sad", "spd"]), name, reqid: v.string() }),
      ]),
    ),
    v.maxLength(LIMITS.ipsecOperations),
  ),
});

/** @returns what is wrong with it, without a value of it */
export function readErrand(body: Uint8Array): Result<Errand, string> {
  const text = decodeUtf8(body);
  const json = text.ok ? parseJson(text.value, LIMITS.jsonDepth) : text;
  if (!json.ok) return err("the errand is no JSON");
  const parsed = v.safeParse(ErrandSchema, json.value, { abortEarly: true });
  if (parsed.success) return ok(parsed.output);
  const [issue] = parsed.issues;
  return err(
    `${v.getDotPath(issue) ?? "the errand"}: ${issue.kind === "transformation" ? issue.message : "is not of an errand"}`,
  );
}
