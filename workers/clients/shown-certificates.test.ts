import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import type { ShownCertificate } from "../../shared/monitor/alarm-rpc.ts";
import { ShownCertificates } from "./shown-certificates.ts";

const shown = (fingerprint: string): ShownCertificate => ({
  fingerprint,
  principal: "sae:a",
  notBeforeMs: 0,
  notAfterMs: 1,
});

const failing = () => ({ certificatesSeen: async () => await Promise.reject(new Error("gone")) });

/** A Monitor that answers when it is told to. */
class Monitor {
  readonly told: string[][] = [];
  readonly #works: Promise<unknown>[] = [];
  gate: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly certificates = new ShownCertificates();

  note(fingerprint: string, nowMs = 0): void {
    const monitor = {
      certificatesSeen: async (all: readonly ShownCertificate[]) => {
        this.told.push(all.map((each) => each.fingerprint));
        await this.gate.promise;
      },
    };
    this.certificates.note(shown(fingerprint), nowMs, () => monitor, { waitUntil: (work) => this.#works.push(work) });
  }

  async settled(): Promise<void> {
    this.gate.resolve();
    await Promise.all(this.#works);
  }
}

test("each is told once an hour; what comes while the Monitor is told goes together", async () => {
  const monitor = new Monitor();
  for (const fingerprint of ["a", "a", "b", "c", "b"]) monitor.note(fingerprint);
  await monitor.settled();
  expect(monitor.told).toEqual([["a"], ["b", "c"]]);
  monitor.note("a", LIMITS.certificateToldMs - 1);
  monitor.note("b", LIMITS.certificateToldMs);
  await monitor.settled();
  expect(monitor.told.slice(2)).toEqual([["b"]]);
});

test("is bounded while the Monitor does not answer; those left out come again", async () => {
  const monitor = new Monitor();
  for (let n = 0; n < LIMITS.certificatesToldAtOnce + 5; n++) monitor.note(`of ${n}`);
  await monitor.settled();
  expect(monitor.told.flat()).toHaveLength(LIMITS.certificatesToldAtOnce + 1);
  monitor.note(`of ${LIMITS.certificatesToldAtOnce + 4}`);
  await monitor.settled();
  expect(monitor.told.at(-1)).toEqual([`of ${LIMITS.certificatesToldAtOnce + 4}`]);
});

test("what the platform ended before the Monitor had answered keeps none from being told later", async () => {
  const monitor = new Monitor();
  monitor.note("a");
  const waiting = Array.from({ length: LIMITS.certificatesToldAtOnce }, (_, n) => `of ${n}`);
  for (const fingerprint of waiting) monitor.note(fingerprint, LIMITS.backgroundMs - 1);
  expect(monitor.told).toEqual([["a"]]);
  monitor.note("one too many", LIMITS.backgroundMs);
  expect(monitor.told).toEqual([["a"], waiting]);
  await monitor.settled();
});

test("a Monitor that fails harms nobody", async () => {
  const certificates = new ShownCertificates();
  const works: Promise<unknown>[] = [];
  certificates.note(shown("a"), 0, failing, { waitUntil: (work) => works.push(work) });
  expect(await Promise.all(works)).toEqual([undefined]);
});
