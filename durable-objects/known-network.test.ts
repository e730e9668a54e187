import { expect, test, vi } from "vitest";
import { LIMITS } from "../shared/limits.ts";
import { KnownNetwork } from "./known-network.ts";

test("a question that is left without an answer holds up nobody who asks later, and a late answer does not count", async () => {
  vi.useFakeTimers();
  try {
    const answers: ((view: { readonly sequence: number }) => void)[] = [];
    const network = new KnownNetwork(
      async () => await new Promise<{ readonly sequence: number }>((resolve) => answers.push(resolve)),
    );
    const asked = [network.refresh(), network.refresh()];
    await vi.advanceTimersByTimeAsync(LIMITS.directoryPatienceMs);
    expect(await Promise.all(asked)).toEqual([false, false]);
    const next = network.refresh();
    answers[1]?.({ sequence: 2 });
    expect([await next, network.view.sequence]).toEqual([true, 2]);
    answers[0]?.({ sequence: 1 });
    await vi.advanceTimersByTimeAsync(0);
    expect(network.view.sequence).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});
