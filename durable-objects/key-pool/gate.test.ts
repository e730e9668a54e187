import { describe, expect, it, vi } from "vitest";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { PoolContext } from "./context.ts";
import { Gate } from "./gate.ts";

/** Of a pool whose Directory answers when the test lets it. */
function bench() {
  const answers: ((version: number | Error) => void)[] = [];
  const pool = {
    epochs: { canSeal: true, adopt: async () => await Promise.resolve(true) },
    store: { settings: { put: () => undefined } },
    meetHalf: () => undefined,
  } as unknown as PoolContext;
  const gate = new Gate({
    pool: () => pool,
    lease: () => ({ open: true }) as never,
    poolConfig: async () =>
      await new Promise<PoolConfig>((resolve, reject) =>
        answers.push((answer) =>
          answer instanceof Error ? reject(answer) : resolve({ version: answer, policy: {} } as PoolConfig),
        ),
      ),
    replan: () => undefined,
  });
  const answered = async (answer: number | Error) => {
    answers.shift()?.(answer);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { gate, answers, answered };
}

describe("the Directory", () => {
  it("is asked once by all who wait for the same", async () => {
    const { gate, answers, answered } = bench();
    const asked = [3, 3, 2].map(async (version) => await gate.configure(version));
    expect(answers).toHaveLength(1);
    await answered(3);
    expect((await Promise.all(asked)).map(({ ok }) => ok)).toEqual([true, true, true]);
    expect([(await gate.configure(3)).ok, answers.length]).toEqual([true, 0]);
  });

  it("is asked once more by who wants a later version than a question under way is answered with", async () => {
    const { gate, answers, answered } = bench();
    const [early, late] = [gate.configure(3), gate.configure(4)];
    await answered(3);
    expect([(await early).ok, answers.length]).toEqual([true, 1]);
    await answered(4);
    expect([(await late).ok, gate.config?.version, answers.length]).toEqual([true, 4, 0]);
  });

  it("that does not answer is a fault for all, and is asked by the next", async () => {
    const { gate, answers, answered } = bench();
    const asked = [gate.configure(1), gate.configure(1)];
    await answered(new Error("gone"));
    expect(await Promise.all(asked)).toMatchObject([
      { ok: false, error: { code: "directory-unavailable" } },
      { ok: false, error: { code: "directory-unavailable" } },
    ]);
    const next = gate.configure(1);
    expect(answers).toHaveLength(1);
    await answered(1);
    expect((await next).ok).toBe(true);
  });

  it("that leaves a question without an answer is asked again by the next", async () => {
    vi.useFakeTimers();
    try {
      const { gate, answers } = bench();
      const asked = [gate.configure(1), gate.configure(1)];
      await vi.advanceTimersByTimeAsync(LIMITS.directoryPatienceMs);
      expect(await Promise.all(asked)).toMatchObject([
        { ok: false, error: { code: "directory-unavailable" } },
        { ok: false, error: { code: "directory-unavailable" } },
      ]);
      const next = gate.configure(1);
      expect(answers).toHaveLength(2);
      answers[1]?.(1);
      expect((await next).ok).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});
