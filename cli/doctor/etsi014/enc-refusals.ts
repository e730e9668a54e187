/** Part 3: Get key (clauses 5.3, 6.2, 6.5): what is refused, and how. */
import { must } from "../case.ts";
import type { Answer } from "../exchange.ts";
import { casesOf, type Etsi014Case } from "./etsi014-case.ts";
import { keysOf, MESSAGES, mustBeError, mustBeOneOf, mustBeRefused } from "./expect.ts";
import { type Etsi014Stage, segment } from "./stage.ts";

const UNKNOWN = { zzz_unknown: 1 };
const LARGE_BYTES = 10 * 1024 * 1024;
const DEEP = 10_000;

const post = async (stage: Etsi014Stage, body: unknown): Promise<Answer> => await stage.enc({ method: "POST", body });

/** Nothing is gone from the pool; where key comes in meanwhile, only that it did not get less is seen. */
export async function mustConsumeNothing(stage: Etsi014Stage, work: () => Promise<void>): Promise<void> {
  const before = await stage.stored();
  await work();
  const after = await stage.stored();
  must(stage.given.isPaused ? after === before : after >= before, `${before} keys stored before, ${after} after`);
}

/** A size that is no multiple of 8, and else in range: 200, or 400 with the mandated message. */
function mustTakeOrName(answer: Answer, sizeBits: number): void {
  if (answer.status === 200) keysOf(answer, 1, sizeBits);
  else mustBeError(answer, { message: MESSAGES.size });
}

/** Bodies of which each is wrong in its own way. */
async function wrongBodies(stage: Etsi014Stage): Promise<readonly unknown[]> {
  const { min_key_size: min, max_key_size: max, max_key_per_request: most } = await stage.status();
  const sizes = [max + 8, ...(min > 8 ? [min - 8] : []), 0, -8].map((size) => ({ size }));
  const numbers = [most + 1, 0, -1, "2", 1.5].map((number) => ({ number }));
  return [...sizes, ...numbers, "number=1", "[]", '{"number":', { extension_mandatory: [UNKNOWN] }];
}

export const ENC_REFUSALS: readonly Etsi014Case[] = casesOf([
  {
    id: "014-E08",
    level: "M",
    clause: "6.2",
    title: "POST a size that is no multiple of 8: 200, or 400 with the mandated message",
    keys: 1,
    async run(stage) {
      const { min_key_size: min } = await stage.status();
      mustTakeOrName(await post(stage, { size: min + 1 }), min + 1);
    },
  },
  {
    id: "014-E09",
    level: "M",
    clause: "5.3, 6.2",
    title: "GET a size that is no multiple of 8: 200, or 400 with the mandated message",
    keys: 1,
    async run(stage) {
      const { min_key_size: min } = await stage.status();
      mustTakeOrName(await stage.enc({ query: `?size=${min + 1}` }), min + 1);
    },
  },
  {
    id: "014-E10",
    level: "R",
    clause: "6.2",
    title: "size above max_key_size, below min_key_size, 0, -8: refused (M), with 400",
    async run(stage) {
      const { min_key_size: min, max_key_size: max } = await stage.status();
      for (const size of [max + 8, ...(min > 8 ? [min - 8] : []), 0, -8])
        mustBeError(await post(stage, { size }), { refusal: "M" });
    },
  },
  {
    id: "014-E11",
    level: "R",
    clause: "6.2",
    title: "number above max_key_per_request: refused (M), with 400, never cut short",
    async run(stage) {
      const number = (await stage.status()).max_key_per_request + 1;
      mustBeError(await post(stage, { number }), { refusal: "M" });
      mustBeError(await stage.enc({ query: `?number=${number}` }), { refusal: "M" });
    },
  },
  {
    id: "014-E12",
    level: "R",
    clause: "6.2",
    title: "number 0 and -1: 400",
    async run(stage) {
      for (const number of [0, -1]) mustBeError(await post(stage, { number }));
      mustBeError(await stage.enc({ query: "?number=0" }));
    },
  },
  {
    id: "014-E13",
    level: "M",
    clause: "6.2",
    title: 'number "2", 1.5, true, {}, and size "256": 400',
    async run(stage) {
      for (const number of ["2", 1.5, true, {}]) mustBeError(await post(stage, { number }));
      mustBeError(await post(stage, { size: "256" }));
    },
  },
  {
    id: "014-E14",
    level: "M",
    clause: "5.1, 6.2",
    title: "a body that is no JSON, an array, or cut off: 400",
    async run(stage) {
      for (const body of ["number=1", "[]", '{"number":']) mustBeError(await post(stage, body));
    },
  },
  {
    id: "014-E16",
    level: "M",
    clause: "6.2",
    title: "an unknown extension_mandatory: 400 with the mandated message; nothing consumed",
    async run(stage) {
      await mustConsumeNothing(stage, async () => {
        mustBeError(await post(stage, { extension_mandatory: [UNKNOWN] }), { message: MESSAGES.unsupported });
      });
    },
  },
  {
    id: "014-E17",
    level: "R",
    clause: "6.5",
    title: "its details name the parameter",
    async run(stage) {
      const answer = await post(stage, { extension_mandatory: [UNKNOWN] });
      mustBeError(answer);
      const { details } = answer.json as { readonly details?: unknown };
      must(JSON.stringify(details ?? []).includes("zzz_unknown"), "the details do not name zzz_unknown");
    },
  },
  {
    id: "014-E20",
    level: "M",
    clause: "6.2",
    title: "a supported extension_mandatory that cannot be met: 400 with the mandated message",
    needs: ["unmet"],
    async run(stage) {
      mustBeError(await post(stage, { extension_mandatory: stage.given.unmet }), { message: MESSAGES.unmet });
    },
  },
  {
    id: "014-E21",
    level: "R",
    clause: "6.2",
    title: "extension_mandatory as one object: 400; never silently ignored (M)",
    async run(stage) {
      mustBeError(await post(stage, { extension_mandatory: UNKNOWN }), { refusal: "M" });
    },
  },
  {
    id: "014-E25",
    level: "R",
    clause: "5.3",
    title: "the slave is the caller itself: 400 or 401",
    async run(stage, tell) {
      const answer = await stage.enc({}, stage.A, stage.A);
      if (answer.status === 200) tell.note("it is given a key");
      else mustBeOneOf(answer, 400, 401);
    },
  },
  {
    id: "014-E26",
    level: "R",
    clause: "5.3",
    title: "an unknown slave: 400 with an Error object; no key (M)",
    async run(stage) {
      mustBeError(await stage.call(stage.A, "/no-such-sae/enc_keys"), { refusal: "M" });
    },
  },
  {
    id: "014-E29",
    level: "R",
    clause: "5.3",
    title: "PUT and DELETE: 405",
    async run(stage) {
      for (const method of ["PUT", "DELETE"]) mustBeOneOf(await stage.enc({ method }), 405);
    },
  },
  {
    id: "014-E30",
    level: "X",
    clause: "",
    title: "a body of 10 MiB, and one nested 10,000 deep: 4xx, and the KME goes on serving",
    keys: 1,
    async run(stage) {
      // A server may also close while the client is still sending.
      const large = await post(stage, Buffer.alloc(LARGE_BYTES, 0x20)).catch((error: NodeJS.ErrnoException) => error);
      if ("status" in large) must(large.status >= 400 && large.status < 500, `10 MiB: status ${large.status}`);
      else must(["ECONNRESET", "EPIPE"].includes(large.code ?? ""), `10 MiB: ${large.message}`);
      const deep = await post(stage, "[".repeat(DEEP) + "]".repeat(DEEP));
      must(deep.status >= 400 && deep.status < 500, `nesting of ${DEEP}: status ${deep.status}`);
      keysOf(await stage.call(stage.A, `/${segment(stage.B.sae)}/enc_keys`), 1);
    },
  },
  {
    id: "014-E31",
    level: "M",
    clause: "6.5",
    title: "every refusal of a request that is wrong in itself: an Error object whose message is a text, and not empty",
    async run(stage) {
      for (const body of await wrongBodies(stage)) {
        const answer = await post(stage, body);
        mustBeRefused(answer);
        mustBeError(answer, { status: answer.status });
      }
    },
  },
]);
