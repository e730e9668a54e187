import { expect, test } from "vitest";
import { untilItStands } from "./patience.ts";

const no = (status: number) => ({ ok: false, status }) as const;
const YES = { ok: true } as const;

async function asked(answers: readonly (typeof YES | ReturnType<typeof no>)[], most = answers.length) {
  const leaving = new AbortController();
  const [told, pausesMs]: [unknown[], number[]] = [[], []];
  await untilItStands(
    async () => await Promise.resolve(answers[told.length] ?? YES),
    (answer) => void told.push(answer),
    {
      signal: leaving.signal,
      pause: async (ms) => {
        pausesMs.push(ms);
        if (told.length === most) leaving.abort();
        await Promise.resolve();
      },
    },
  );
  return { told, pausesMs };
}

test("what may pass is told and asked for again, ever less often; what stands is not", async () => {
  for (const stands of [YES, no(400), no(401), no(404), no(412)])
    expect(await asked([stands])).toEqual({ told: [stands], pausesMs: [] });
  const passing = [no(0), no(429), no(500), no(503), no(0), no(0), no(0), no(0)];
  const { told, pausesMs } = await asked([...passing, YES]);
  expect(told).toEqual([...passing, YES]);
  expect(pausesMs).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

test("who has left hears nothing more", async () => {
  expect((await asked([no(503), no(503)])).told).toHaveLength(2);
  const leaving = new AbortController();
  leaving.abort();
  const told: unknown[] = [];
  await untilItStands(
    async () => await Promise.resolve(YES),
    (answer) => void told.push(answer),
    leaving,
  );
  expect(told).toEqual([]);
});
