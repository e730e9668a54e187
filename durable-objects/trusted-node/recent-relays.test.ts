import { expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { nodes, relayId, relayTerms } from "../../test/support/relay-rig.ts";
import { RecentRelays } from "./recent-relays.ts";

const PATH = nodes("a", "b", "c");

it("tells each path with how it fares, the latest first", () => {
  let nowMs = 1;
  const relays = new RecentRelays(() => nowMs);
  const [one, other] = [0, 1].map((share) => relays.begin(relayTerms(PATH, { share: [share, 2], bytes: 64 })));
  relays.begin(relayTerms(PATH, { relay: relayId(2) }));
  nowMs = 9;
  one?.(null);
  other?.("dry");
  expect(relays.list()).toMatchObject([
    { id: `${relayId(2)}/0`, path: PATH, beganMs: 1, endedMs: null, trouble: null },
    { id: `${relayId(1)}/1`, bytes: 64, endedMs: 9, trouble: "dry" },
    { id: `${relayId(1)}/0`, endedMs: 9, trouble: null },
  ]);
});

it("forgets the oldest, which may end unheard", () => {
  const relays = new RecentRelays(() => 0);
  const ended = relays.begin(relayTerms(PATH, { relay: relayId(0) }));
  for (let number = 1; number <= LIMITS.relaysRemembered; number++) {
    relays.begin(relayTerms(PATH, { relay: relayId(number) }));
  }
  ended("late");
  expect(relays.list()).toHaveLength(LIMITS.relaysRemembered);
  expect(relays.list().some(({ id }) => id === `${relayId(0)}/0`)).toBe(false);
});
