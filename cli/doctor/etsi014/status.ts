/** Part 2: Get status (clauses 5.2, 6.1). */
import { isRecord } from "../../../shared/records.ts";
import { must } from "../case.ts";
import { casesOf, type Etsi014Case } from "./etsi014-case.ts";
import { figuresOf, keysOf, mustBeError, mustBeRefused, mustBeStatus } from "./expect.ts";
import { segment } from "./stage.ts";

export const STATUS: readonly Etsi014Case[] = casesOf([
  {
    id: "014-S01",
    level: "M",
    clause: "5.2, 6.1",
    title: "GET status: the 11 mandatory members, of the right types",
    async run(stage) {
      mustBeStatus(await stage.statusAnswer());
    },
  },
  {
    id: "014-S02",
    level: "M",
    clause: "6.1",
    title: "master_SAE_ID is the caller, slave_SAE_ID the path's",
    async run(stage) {
      const { master_SAE_ID, slave_SAE_ID } = await stage.status();
      must(master_SAE_ID === stage.A.sae, `master_SAE_ID is not "${stage.A.sae}"`);
      must(slave_SAE_ID === stage.B.sae, `slave_SAE_ID is not "${stage.B.sae}"`);
    },
  },
  {
    id: "014-S03",
    level: "M",
    clause: "6.1",
    title: "min_key_size <= key_size <= max_key_size, stored_key_count <= max_key_count, max_key_per_request >= 1",
    async run(stage) {
      const status = await stage.status();
      const { min_key_size: min, key_size: size, max_key_size: max } = status;
      must(min <= size && size <= max, `min_key_size ${min}, key_size ${size}, max_key_size ${max}`);
      const { stored_key_count: stored, max_key_count: most } = status;
      must(stored <= most, `stored_key_count ${stored} is above max_key_count ${most}`);
      must(status.max_key_per_request >= 1, "max_key_per_request is 0");
    },
  },
  {
    id: "014-S04",
    level: "M",
    clause: "6.1",
    title: "status from the other end: the KME IDs are swapped",
    async run(stage) {
      const [here, there] = [await stage.status(), await stage.status(stage.B, stage.A)];
      must(there.source_KME_ID === here.target_KME_ID, "KME 2's source_KME_ID is not KME 1's target_KME_ID");
      must(there.target_KME_ID === here.source_KME_ID, "KME 2's target_KME_ID is not KME 1's source_KME_ID");
    },
  },
  {
    id: "014-S05",
    level: "R",
    clause: "5.2",
    title: "status for an unknown slave: refused, and no 5xx but 503 (M), with 400 and an Error object",
    async run(stage) {
      const answer = await stage.call(stage.A, "/no-such-sae/status");
      must(answer.status < 500 || answer.status === 503, `status ${answer.status}`, "M");
      mustBeError(answer, { refusal: "M" });
    },
  },
  {
    id: "014-S06",
    level: "M",
    clause: "5.2",
    title: "an SAE ID that has to be URL-encoded: 200, and the decoded ID in the answer",
    needs: ["odd"],
    async run(stage) {
      const odd = stage.given.oddSae ?? "";
      const status = figuresOf(await stage.call(stage.A, `/${segment(odd)}/status`));
      must(status.slave_SAE_ID === odd, "slave_SAE_ID is not the decoded ID");
    },
  },
  {
    id: "014-S07",
    level: "R",
    clause: "5.2",
    title: "POST status: 405 or 400",
    async run(stage) {
      const answer = await stage.call(stage.A, `/${segment(stage.B.sae)}/status`, { body: {} });
      mustBeRefused(answer);
      must([400, 405].includes(answer.status), `status ${answer.status}, not 405 or 400`);
    },
  },
  {
    id: "014-S08",
    level: "R",
    clause: "6.1",
    title: "stored_key_count before and after enc_keys of n keys: less by n",
    needs: ["paused"],
    keys: 3,
    async run(stage) {
      const number = await stage.atMost(3);
      const before = await stage.stored();
      keysOf(await stage.enc({ body: { number } }), number);
      const after = await stage.stored();
      must(after === before - number, `${before} before, ${after} after ${number} keys`);
    },
  },
  {
    id: "014-S09",
    level: "M",
    clause: "6.1",
    title: "status_extension, where there is one, is an object",
    async run(stage, tell) {
      const { status_extension: extension } = await stage.status();
      must(extension === undefined || isRecord(extension), "status_extension is no object");
      tell.remark(extension === undefined ? "there is none" : `it has: ${Object.keys(extension).join(", ")}`);
    },
  },
]);
