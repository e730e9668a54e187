import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkSadEntry } from "./entry.ts";
import { RFC_9061 } from "./algorithms.ts";
import { newSpi, rekeyDueMs, rekeyedEntry, rekeyedName, REKEY_STEPS } from "./rekey.ts";
import { REKEY_PHASES } from "./types.ts";

function sa(hard: number | undefined, soft: number | undefined) {
  const raw = {
    name: "out/a/in/b_300",
    "ipsec-sa-config": {
      spi: 300,
      "traffic-selector": { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" },
      ...(hard === undefined ? {} : { "sa-lifetime-hard": { time: hard } }),
      ...(soft === undefined ? {} : { "sa-lifetime-soft": { time: soft, action: "replace" } }),
    },
  };
  const checked = checkSadEntry(raw, RFC_9061);
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  return checked.value.entry;
}

describe("when an SA is to be made anew", () => {
  test.each([
    [3600, 3000, 3000],
    [3600, 3599, 3480],
    [3600, 0, 3480],
    [3600, undefined, 3480],
    [240, undefined, 120],
    [50, 25, 25],
    [50, 40, 25],
    [0, 100, 100],
    [undefined, 100, 100],
  ])("hard %s s, soft %s s: after %d s", (hard, soft, dueSeconds) => {
    expect(rekeyDueMs(sa(hard, soft), 1_000_000)).toBe(1_000_000 + dueSeconds * 1000);
  });

  test("never, without a lifetime in seconds", () => {
    expect(rekeyDueMs(sa(undefined, undefined), 5)).toBeNull();
    expect(rekeyDueMs(sa(0, 0), 5)).toBeNull();
  });
});

const bytes = (...spis: number[]) => {
  const all = new DataView(new ArrayBuffer(4 * spis.length + 4));
  spis.forEach((spi, at) => all.setUint32(4 * at + 1, spi));
  // Not at the beginning of its memory, and with bytes left over.
  return new Uint8Array(all.buffer, 1, 4 * spis.length + 2);
};

describe("a new SPI", () => {
  test("is the first that is free, and none of the reserved ones", () => {
    expect(newSpi(bytes(0, 255, 300, 256), new Set([300]))).toBe(256);
    expect(newSpi(bytes(0xff_ff_ff_ff), new Set())).toBe(0xff_ff_ff_ff);
    expect(newSpi(bytes(1, 300), new Set([300]))).toBeNull();
    expect(newSpi(new Uint8Array(3), new Set())).toBeNull();
  });

  test("names the SA", () => {
    expect(rekeyedName("out/a/in/b_300", 7000)).toBe("out/a/in/b_7000");
    expect(rekeyedName("my_tunnel", 7000)).toBe("my_tunnel_7000");
    expect(rekeyedName(`a${"\u{1f511}".repeat(127)}`, 7000).isWellFormed()).toBe(true);
    expect(rekeyedEntry(sa(1, undefined), 7000)).toMatchObject({
      name: "out/a/in/b_7000",
      "ipsec-sa-config": { spi: 7000 },
    });
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 255 }), fc.nat(), (name, spi) => {
        const made = rekeyedName(name, spi);
        expect(made.length).toBeLessThanOrEqual(255);
        expect(rekeyedName(made, spi)).toBe(made);
      }),
    );
  });
});

test("nothing is sent by an SA that the other end does not have yet, and none is deleted before the new one stands", () => {
  expect(Object.keys(REKEY_STEPS)).toEqual(REKEY_PHASES);
  const order: string[] = [];
  for (let phase: (typeof REKEY_PHASES)[number] | null = "inbound"; phase !== null; phase = REKEY_STEPS[phase].next) {
    const { source, destination } = REKEY_STEPS[phase];
    order.push(
      ...destination.map((step) => `destination ${step.do} ${step.to}`),
      ...source.map((step) => `source ${step.do} ${step.to}`),
    );
  }
  expect(order).toEqual([
    "destination create-sad new",
    "source hold new",
    "source install new",
    "destination delete old",
    "source delete old",
  ]);
});
