/** Part 5: one key for several slaves (clause 5.3, annex B). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decKeys,
  encKeys,
  expectError,
  expectKeys,
  expectUnauthorised,
  idsOf,
  type Key,
  MESSAGES,
  statusOf,
  storedCount,
} from "./expect.ts";
import { type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig?.stop());

const multicast = async (additional: readonly string[], number = 1): Promise<readonly Key[]> =>
  expectKeys(await encKeys(rig.a, rig.B, { number, additional_slave_SAE_IDs: additional }), number);

/** Both kinds of third SAE: at the slave's node, and at the master's own. */
describe.each(["sameSite", "sameNode"] as const)(
  "ETSI 014 part 5: multicast, the additional slave being %s",
  (where) => {
    const other = () => ({ id: rig[where], client: where === "sameSite" ? rig.neighbour : rig.a2 });

    test("014-M01, 014-M02 both slaves fetch the same bytes", async () => {
      const keys = await multicast([other().id], 2);
      expect(expectKeys(await decKeys(rig.b, rig.A, idsOf(keys)), 2)).toEqual(keys);
      expect(expectKeys(await decKeys(other().client, rig.A, idsOf(keys)), 2)).toEqual(keys);
    });

    test("014-M03 one slave twice: 400; the other is unaffected", async () => {
      const keys = await multicast([other().id]);
      expectKeys(await decKeys(rig.b, rig.A, idsOf(keys)), 1);
      expectError(await decKeys(rig.b, rig.A, idsOf(keys)), MESSAGES.notFound);
      expect(expectKeys(await decKeys(other().client, rig.A, idsOf(keys)), 1)).toEqual(keys);
      expectError(await decKeys(other().client, rig.A, idsOf(keys)), MESSAGES.notFound);
    });

    test("014-M04 an uninvolved SAE: 401", async () => {
      const keys = await multicast([other().id]);
      expectUnauthorised(await decKeys(rig.c, rig.A, idsOf(keys)));
      expectKeys(await decKeys(rig.b, rig.A, idsOf(keys)), 1);
    });
  },
);

describe("ETSI 014 part 5: what is refused and tolerated", () => {
  test("014-M05 more than max_SAE_ID_count; one where it is 0", async () => {
    const { max_SAE_ID_count } = await statusOf(rig.a, rig.B);
    const many = Array.from({ length: max_SAE_ID_count + 1 }, (_, i) => `sae-${i}`);
    expectError(await encKeys(rig.a, rig.B, { additional_slave_SAE_IDs: many }));
    await rig.withPolicy({ max_sae_id_count: 0 }, async () => {
      expectError(await encKeys(rig.a, rig.B, { additional_slave_SAE_IDs: [rig.sameSite] }));
    });
  });

  test("014-M06 the caller, the slave, a duplicate, an unknown SAE: 400, nothing consumed", async () => {
    const before = await storedCount(rig.still.a, rig.still.B);
    const lists = [[rig.still.A], [rig.still.B], [rig.sameSite, rig.sameSite], ["no-such-sae"]];
    for (const additional of lists) {
      expectError(await encKeys(rig.still.a, rig.still.B, { additional_slave_SAE_IDs: additional }));
    }
    expect(await storedCount(rig.still.a, rig.still.B)).toBe(before);
  });

  test("014-M07 an empty list is as none", async () => {
    expectKeys(await encKeys(rig.a, rig.B, { additional_slave_SAE_IDs: [] }), 1);
  });

  test("014-M08 in a GET's query it is not honoured", async () => {
    const keys = expectKeys(await rig.a.call(`/${rig.B}/enc_keys?additional_slave_SAE_IDs=${rig.sameSite}`), 1);
    expectUnauthorised(await decKeys(rig.neighbour, rig.A, idsOf(keys)));
    expect(expectKeys(await decKeys(rig.b, rig.A, idsOf(keys)), 1)).toEqual(keys);
  });
});
