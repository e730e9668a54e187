/** Part 5: one key for several slaves (clause 5.3, annex B), where the KME allows it at all. */
import { NotRun } from "../case.ts";
import type { Answer } from "../exchange.ts";
import { mustGet } from "./dec-keys.ts";
import { mustConsumeNothing } from "./enc-refusals.ts";
import { casesOf, type Etsi014Case } from "./etsi014-case.ts";
import { idsOf, type Key, keysOf, mustBeError, mustBeUnauthorised } from "./expect.ts";
import { type Etsi014Stage, segment } from "./stage.ts";

const ask = async (stage: Etsi014Stage, additional: readonly string[], number = 1): Promise<Answer> =>
  await stage.enc({ body: { number, additional_slave_SAE_IDs: additional } });

/** Keys for B and C. @throws NotRun where the KME says that there can be one slave only */
async function multicast(stage: Etsi014Stage, number = 1): Promise<readonly Key[]> {
  await mustAllow(stage);
  await stage.awaitKeys(number);
  return keysOf(await ask(stage, [stage.C.sae], number), number);
}

async function mustAllow(stage: Etsi014Stage): Promise<void> {
  const { max_SAE_ID_count: most } = await stage.status();
  if (most === 0) throw new NotRun("max_SAE_ID_count is 0: no multicast");
}

export const MULTICAST: readonly Etsi014Case[] = casesOf([
  {
    id: "014-M01",
    level: "M",
    clause: "5.3, 6.2",
    title: "enc_keys for B with C in additional_slave_SAE_IDs: 200",
    needs: ["third"],
    async run(stage) {
      await multicast(stage);
    },
  },
  {
    id: "014-M02",
    level: "M",
    clause: "5.3",
    title: "B and C each fetch with A in the path: the same bytes",
    needs: ["third"],
    async run(stage) {
      const keys = await multicast(stage, await stage.atMost(2));
      await mustGet(stage, keys);
      await mustGet(stage, keys, stage.C);
    },
  },
  {
    id: "014-M03",
    level: "M",
    clause: "5.4",
    title: "B a second time: 400; C is not affected",
    needs: ["third"],
    async run(stage) {
      const keys = await multicast(stage);
      await mustGet(stage, keys);
      mustBeError(await stage.dec(stage.B, stage.A, idsOf(keys)));
      await mustGet(stage, keys, stage.C);
    },
  },
  {
    id: "014-M04",
    level: "M",
    clause: "5.4",
    title: "an SAE that is not named: 401",
    needs: ["third", "fourth"],
    async run(stage) {
      const keys = await multicast(stage);
      mustBeUnauthorised(await stage.fetch(stage.D, idsOf(keys)));
      await mustGet(stage, keys);
    },
  },
  {
    id: "014-M05",
    level: "R",
    clause: "6.1, 6.2",
    title: "more than max_SAE_ID_count, one where that is 0: refused (M), with 400",
    needs: ["third"],
    async run(stage) {
      const { max_SAE_ID_count: most } = await stage.status();
      const others = Array.from({ length: most }, (_, index) => `sae-${index}`);
      mustBeError(await ask(stage, [stage.C.sae, ...others]), { refusal: "M" });
    },
  },
  {
    id: "014-M06",
    level: "R",
    clause: "6.2",
    title: "A itself, B, C twice, an unknown SAE as additional slaves: 400, nothing consumed",
    needs: ["third"],
    async run(stage) {
      await mustAllow(stage);
      const { A, B, C } = stage;
      await mustConsumeNothing(stage, async () => {
        for (const list of [[A.sae], [B.sae], [C.sae, C.sae], ["no-such-sae"]]) mustBeError(await ask(stage, list));
      });
    },
  },
  {
    id: "014-M07",
    level: "R",
    clause: "6.2",
    title: "an empty list: 200, as without",
    keys: 1,
    async run(stage) {
      keysOf(await ask(stage, []), 1);
    },
  },
  {
    id: "014-M08",
    level: "M",
    clause: "5.3",
    title: "additional_slave_SAE_IDs in a GET's query: no multicast; C gets no key",
    needs: ["third"],
    keys: 1,
    async run(stage) {
      const answer = await stage.enc({ query: `?additional_slave_SAE_IDs=${segment(stage.C.sae)}` });
      if (answer.status !== 200) {
        mustBeError(answer);
        return;
      }
      const keys = keysOf(answer, 1);
      mustBeUnauthorised(await stage.fetch(stage.C, idsOf(keys)));
      await mustGet(stage, keys);
    },
  },
]);
