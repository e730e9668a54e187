/** Short words for histories of two halves: what happens to a post, and what is in the tables. */
import { LIMITS } from "../../shared/limits.ts";
import { type Fate, LONG, makeHalves, type TestHalf } from "./in-workerd-halves.ts";
import { defaultPolicy, randomBytes } from "./in-workerd-pool.ts";

const { unitBytes } = LIMITS;
export const WHOLE_UNIT = { sizeBits: unitBytes * 8 };

export const send: Fate = async (post) => await post();
export const lose = async (): Promise<never> => {
  throw new Error("lost");
};
/** The first post goes so, the later ones arrive. */
export const first = (fate: Fate): Fate => {
  let posts = 0;
  return async (post, batch) => await (posts++ === 0 ? fate : send)(post, batch);
};
/** Done and acknowledged over there, but the answer does not come back. */
export const answerLost =
  (then: () => void): Fate =>
  async (post) => {
    await post();
    then();
    throw new Error("lost");
  };

/** Two halves that both have so many whole units. */
export async function stocked(units: number, patience = LONG) {
  const halves = makeHalves({ policy: { ...defaultPolicy, delivery_grace_s: 30 } }, patience);
  await halves.push("a", randomBytes(units * unitBytes));
  await halves.settle();
  return halves;
}

export const ledgerOf = async (half: TestHalf) => (await half.books()).ledger;
export const rowsIn = async (half: TestHalf, table: string) =>
  (await half.sql<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;
export const ownUnits = async (half: TestHalf) =>
  (
    await half.sql<{ offset: number }>(
      "SELECT offset FROM unit WHERE state = 'available' AND owner = ? ORDER BY offset",
      half.node,
    )
  ).map(({ offset }) => offset / unitBytes);

/** Every unit's place and owner. */
export const ownersIn = async (half: TestHalf) =>
  await half.sql(
    `SELECT block.id, unit.offset, unit.length, unit.owner FROM unit JOIN block ON block.seq = unit.block
     ORDER BY block.id, unit.offset`,
  );
