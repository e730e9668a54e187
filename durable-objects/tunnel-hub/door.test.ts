import { describe, expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import type { Claims } from "../../shared/tunnel/messages.ts";
import { Connection } from "./connection.ts";
import { Connections } from "./connections.ts";
import { Door } from "./door.ts";
import type { HubNetwork } from "./network.ts";
import { type HubParts, Seldom } from "./parts.ts";
import type { Sessions } from "./sessions.ts";

const CLAIMS: Claims = {
  version: 1,
  agent: "agent-a",
  site: "a",
  instance: "11111111-1111-1111-1111-111111111111",
  role: "owner",
  standby: false,
  services: [],
};

/** A door with `LIMITS.tunnelStrangers` before it, one a millisecond from 0 on, and a clock that stands at `nowMs`. */
function crowded(nowMs: number) {
  const connections = new Connections([]);
  const strangers = Array.from({ length: LIMITS.tunnelStrangers }, (_, sinceMs) => {
    const socket = { serializeAttachment: () => {} } as unknown as WebSocket;
    return new Connection(socket, { kind: "stranger", nonce: "", address: "", sinceMs }, false);
  });
  for (const stranger of strangers) connections.add(stranger);
  const refused: Connection[] = [];
  const door = new Door(
    { connections, nowMs: () => nowMs } as unknown as HubParts,
    { refuse: (connection: Connection) => refused.push(connection) } as unknown as Sessions,
    {} as HubNetwork,
    () => {
      throw new Error("no other hub is asked");
    },
  );
  return { door, strangers, refused };
}

describe("a full antechamber", () => {
  const sockets = LIMITS.tunnelStrangers;

  it("turns the newcomer away while all have had less time than an honest agent needs", () => {
    const { door, refused } = crowded(LIMITS.tunnelStrangerPatienceMs - 1);
    expect(door.hasRoom(sockets)).toBe(false);
    expect(refused).toEqual([]);
  });

  it("sends the oldest silent one away after that, but none that is being judged", () => {
    const { door, strangers, refused } = crowded(LIMITS.tunnelStrangerPatienceMs + 1);
    const [first, second] = strangers;
    if (first !== undefined) first.judged = CLAIMS;
    expect(door.hasRoom(sockets)).toBe(true);
    expect(refused).toEqual([second]);
  });

  it("turns the newcomer away where all are being judged", () => {
    const { door, strangers, refused } = crowded(LIMITS.tunnelHelloMs);
    for (const stranger of strangers) stranger.judged = CLAIMS;
    expect(door.hasRoom(sockets)).toBe(false);
    expect(refused).toEqual([]);
  });
});

it("what is told of seldom comes with the number of those left out", () => {
  const seldom = new Seldom(1000, 2);
  expect([0, 1, 999, 1000].map((nowMs) => seldom.leftOut("x", nowMs))).toEqual([0, null, null, 2]);
  expect(seldom.leftOut("y", 1000)).toBe(0);
});
