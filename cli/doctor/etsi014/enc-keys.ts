/** Part 3: Get key (clauses 5.3, 6.2, 6.3): what is given. */
import { must } from "../case.ts";
import { casesOf, type Etsi014Case } from "./etsi014-case.ts";
import { idsOf, type Key, keysOf, MESSAGES, mustBeDistinct, mustBeError, mustBeOneOf, mustBeSame } from "./expect.ts";
import type { Etsi014Stage } from "./stage.ts";

/** A size that the KME has to take: 128 bits, or the nearest to it. */
async function someSizeBits(stage: Etsi014Stage): Promise<number> {
  const { min_key_size: min, max_key_size: max } = await stage.status();
  const bits = Math.min(Math.max(128, min), max);
  return bits - (bits % 8);
}

const UNKNOWN = [{ zzz_unknown: 1 }];
const REPEATS = 100;
const EACH_WAY = 200;

export const ENC_KEYS: readonly Etsi014Case[] = casesOf([
  {
    id: "014-E01",
    level: "M",
    clause: "5.3, 6.3",
    title: "GET enc_keys: one key of key_size bits, key_ID a UUID",
    keys: 1,
    async run(stage) {
      const { key_size } = await stage.status();
      keysOf(await stage.enc(), 1, key_size);
    },
  },
  {
    id: "014-E02",
    level: "M",
    clause: "5.3, 6.2",
    title: "POST {}: as GET",
    keys: 1,
    async run(stage) {
      const { key_size } = await stage.status();
      keysOf(await stage.enc({ body: {} }), 1, key_size);
    },
  },
  {
    id: "014-E03",
    level: "R",
    clause: "6.2",
    title: "POST with an empty body: as GET",
    keys: 1,
    async run(stage) {
      keysOf(await stage.enc({ method: "POST", headers: { "Content-Length": "0" } }), 1);
    },
  },
  {
    id: "014-E04",
    level: "M",
    clause: "5.3, 6.2",
    title: "GET ?number=3: 3 keys, all IDs and values distinct",
    keys: 3,
    async run(stage) {
      const number = await stage.atMost(3);
      mustBeDistinct(keysOf(await stage.enc({ query: `?number=${number}` }), number));
    },
  },
  {
    id: "014-E05",
    level: "M",
    clause: "6.1, 6.2",
    title: "GET ?size=min_key_size and ?size=max_key_size: exactly these sizes",
    async run(stage) {
      const { min_key_size: min, max_key_size: max, key_size } = await stage.status();
      await stage.awaitKeys(1 + Math.ceil(max / key_size));
      for (const size of [min, max]) keysOf(await stage.enc({ query: `?size=${size}` }), 1, size);
    },
  },
  {
    id: "014-E06",
    level: "M",
    clause: "5.3",
    title: "GET ?number=2&size=128 and POST of the same: the same sizes, different keys",
    keys: 4,
    async run(stage) {
      const [number, size] = [await stage.atMost(2), await someSizeBits(stage)];
      const got = keysOf(await stage.enc({ query: `?number=${number}&size=${size}` }), number, size);
      mustBeDistinct([...got, ...keysOf(await stage.enc({ body: { number, size } }), number, size)]);
    },
  },
  {
    id: "014-E07",
    level: "M",
    clause: "6.2",
    title: "POST number 1 and a size: a key of that size",
    keys: 1,
    async run(stage) {
      const { min_key_size: min, max_key_size: max, key_size } = await stage.status();
      const is256 = key_size !== 256 && min <= 256 && max >= 256;
      const size = is256 ? 256 : await someSizeBits(stage);
      keysOf(await stage.enc({ body: { number: 1, size } }), 1, size);
    },
  },
  {
    id: "014-E15",
    level: "R",
    clause: "5.1",
    title: "a JSON body as text/plain: 200, or 400 or 415; the same each time",
    keys: 2,
    async run(stage) {
      const ask = async () => await stage.enc({ body: { number: 1 }, headers: { "Content-Type": "text/plain" } });
      const [first, second] = [await ask(), await ask()];
      must(first.status === second.status, `status ${first.status}, then ${second.status}`);
      if (first.status === 200) keysOf(first, 1);
      else mustBeOneOf(first, 400, 415);
    },
  },
  {
    id: "014-E18",
    level: "M",
    clause: "6.2",
    title: "an unknown extension_optional: 200, or 400 with the mandated message",
    keys: 1,
    async run(stage, tell) {
      const answer = await stage.enc({ body: { extension_optional: UNKNOWN } });
      if (answer.status === 200) keysOf(answer, 1);
      else mustBeError(answer, { message: MESSAGES.optional });
      tell.remark(answer.status === 200 ? "it is ignored" : "it is refused");
    },
  },
  {
    id: "014-E19",
    level: "M",
    clause: "6.2",
    title: "both lists of extensions empty: 200",
    keys: 1,
    async run(stage) {
      keysOf(await stage.enc({ body: { extension_mandatory: [], extension_optional: [] } }), 1);
    },
  },
  {
    id: "014-E24",
    level: "M",
    clause: "5.3",
    title: `GET enc_keys ${REPEATS} times: all IDs and values distinct`,
    keys: REPEATS,
    async run(stage) {
      const keys: Key[] = [];
      for (let i = 0; i < REPEATS; i++) keys.push(...keysOf(await stage.enc(), 1));
      mustBeDistinct(keys);
    },
  },
  {
    id: "014-E27",
    level: "M",
    clause: "5.3",
    title: "GET ?key_type=1, which is unknown: 200, or 400",
    keys: 1,
    async run(stage, tell) {
      const answer = await stage.enc({ query: "?key_type=1" });
      if (answer.status === 200) {
        keysOf(answer, 1);
        return;
      }
      mustBeError(answer);
      tell.note("it is refused; better ignored");
    },
  },
  {
    id: "014-E28",
    level: "M",
    clause: "6.2",
    title: "POST with an unknown member: 200",
    keys: 1,
    async run(stage, tell) {
      const answer = await stage.enc({ body: { number: 1, zzz_unknown: { deep: [1, 2] } } });
      if (answer.status === 200) {
        keysOf(answer, 1);
        return;
      }
      mustBeError(answer);
      tell.note("it is refused; better ignored");
    },
  },
  {
    id: "014-E32",
    level: "X",
    clause: "5.3",
    title: `enc_keys at both KMEs at once, ${EACH_WAY} keys each way: no value under two IDs, none in both directions`,
    keys: 2 * EACH_WAY,
    async run(stage) {
      const [forth, back] = await Promise.all([burst(stage, "A", "B"), burst(stage, "B", "A")]);
      mustBeDistinct([...forth, ...back]);
      const sample = forth.slice(0, 1);
      mustBeSame(keysOf(await stage.fetch(stage.B, idsOf(sample)), 1), sample);
    },
  },
  {
    id: "014-E33",
    level: "M",
    clause: "6.3",
    title: "keys are base64 of the standard alphabet, padded, without line breaks",
    keys: 20,
    async run(stage) {
      const number = await stage.atMost(20);
      keysOf(await stage.enc({ body: { number, size: await someSizeBits(stage) } }), number);
    },
  },
]);

async function burst(stage: Etsi014Stage, from: "A" | "B", to: "A" | "B"): Promise<readonly Key[]> {
  const each = await stage.atMost(10);
  const calls = Array.from({ length: Math.ceil(EACH_WAY / each) }, async () =>
    keysOf(await stage.enc({ body: { number: each } }, stage[from], stage[to]), each),
  );
  return (await Promise.all(calls)).flat();
}
