import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { type Account, afterLeave, firstCreditBytes, NEW_ACCOUNT, sent, settle, taken } from "./account.ts";
import { readRoomCall, type RoomCall, roomName, writeRoomCall } from "./types.ts";
import { readClientMessage, writeRoomMessage } from "./wire.ts";

const sae = (id: string): SaeId => id as SaeId;

const same = ([a, b]: [string, string], [c, d]: [string, string]) => (a === c && b === d) || (a === d && b === c);

describe("the name of a room", () => {
  it("is one for both, and no other two have it", () => {
    const id = fc.string({
      unit: fc.constantFrom("a", "b", '"', ",", "\\", "[", "]", "|", "é"),
      minLength: 1,
      maxLength: 4,
    });
    const pair = fc.tuple(id, id).filter(([a, b]) => a !== b);
    fc.assert(
      fc.property(pair, pair, (one, other) => {
        const [a, b] = [roomName(sae(one[0]), sae(one[1])), roomName(sae(other[0]), sae(other[1]))];
        expect(roomName(sae(one[1]), sae(one[0]))).toBe(a);
        expect(a === b).toBe(same(one, other));
      }),
    );
  });

  it("goes with SAEs of any name", () => {
    const call = {
      principal: "sae:量子",
      self: { sae: sae("量子"), node: "n1" },
      peer: sae("é %2F.."),
      standing: { credentials: [], agent: null, untilMs: null },
    } as unknown as RoomCall;
    const header = writeRoomCall(call);
    expect(header).toMatch(/^[ -~]+$/);
    expect(readRoomCall(header)).toEqual(call);
  });
});

describe("texts", () => {
  it("of a client say what it has taken", () => {
    expect(readClientMessage('{"type":"taken","bytes":65536}')).toEqual({ type: "taken", bytes: 65_536 });
    expect(writeRoomMessage({ type: "peer", present: true })).toBe('{"type":"peer","present":true}');
    expect(writeRoomMessage({ type: "credit", bytes: 1 })).toBe('{"type":"credit","bytes":1}');
  });

  it.each([
    "",
    "x",
    "null",
    '"taken"',
    "{}",
    '{"type":"taken"}',
    '{"type":"taken","bytes":0}',
    '{"type":"taken","bytes":-1}',
    '{"type":"taken","bytes":1.5}',
    '{"type":"taken","bytes":1e99}',
    '{"type":"taken","bytes":"1"}',
    '{"type":"taken","bytes":1,"more":1}',
    '{"type":"credit","bytes":1}',
    `{"type":"taken","bytes":1${" ".repeat(LIMITS.roomTextChars)}}`,
  ])("are of no other form: %s", (text) => {
    expect(readClientMessage(text)).toBeNull();
  });
});

describe("an account", () => {
  const none = { sender: NEW_ACCOUNT, receiver: NEW_ACCOUNT };

  it("knows no frame too small to be sealed, nor one too large", () => {
    expect(sent(none, LIMITS.roomFrameMinBytes - 1)).toEqual({ ok: false, error: "too-small" });
    expect(sent(none, LIMITS.roomFrameBytes + 1)).toEqual({ ok: false, error: "too-large" });
    expect(sent(none, LIMITS.roomFrameBytes).ok).toBe(true);
  });

  it("is used up by what the peer has not taken, and nobody takes more than there is", () => {
    const receiver: Account = { untakenBytes: LIMITS.roomWindowBytes - 100, owedBytes: 0 };
    expect(sent({ sender: NEW_ACCOUNT, receiver }, 101)).toEqual({ ok: false, error: "no-credit" });
    expect(sent({ sender: { untakenBytes: 0, owedBytes: 1 }, receiver }, 100)).toEqual({
      ok: false,
      error: "no-credit",
    });
    expect(sent({ sender: NEW_ACCOUNT, receiver }, 100).ok).toBe(true);
    expect(taken(receiver, null, receiver.untakenBytes + 1)).toEqual({ ok: false, error: "bad-taken" });
  });

  it("leaves credit for a whole frame once all was taken: no two wait for each other", () => {
    expect(LIMITS.roomWindowBytes - LIMITS.roomCreditBytes).toBeGreaterThanOrEqual(2 * LIMITS.roomFrameBytes);
  });
});

/** Two honest ends and the room between them; frames and taken-messages arrive when the history says so. */
class World {
  readonly present = [false, false];
  accounts = [NEW_ACCOUNT, NEW_ACCOUNT];
  /** What each client believes it may send. */
  readonly credit = [0, 0];
  /** Passed on to each and not taken. */
  readonly held = [0, 0];

  #account(end: number): Account | null {
    return this.present[end] === true ? (this.accounts[end] ?? NEW_ACCOUNT) : null;
  }

  #settle(end: number, account: Account): void {
    const settled = settle(account);
    this.accounts[end] = settled.account;
    this.credit[end]! += settled.creditBytes;
  }

  enter(end: number): void {
    if (this.present[end] === true) this.leave(end);
    this.present[end] = true;
    this.accounts[end] = NEW_ACCOUNT;
    this.held[end] = 0;
    this.credit[end] = firstCreditBytes(this.#account(1 - end));
  }

  leave(end: number): void {
    const account = this.#account(end);
    if (account === null) return;
    this.present[end] = false;
    const peer = this.#account(1 - end);
    if (peer !== null) this.#settle(1 - end, afterLeave(peer, account));
  }

  send(end: number, bytes: number): void {
    const sender = this.#account(end);
    if (sender === null || this.credit[end]! < bytes) return;
    this.credit[end]! -= bytes;
    const receiver = this.#account(1 - end);
    const accounts = sent({ sender, receiver }, bytes);
    if (!accounts.ok) throw new Error(accounts.error);
    if (accounts.value.receiver !== null) {
      this.accounts[1 - end] = accounts.value.receiver;
      this.held[1 - end]! += bytes;
    }
    this.#settle(end, accounts.value.sender);
  }

  take(end: number, share: number): void {
    const receiver = this.#account(end);
    const bytes = Math.ceil(this.held[end]! * share);
    if (receiver === null || bytes === 0) return;
    const accounts = taken(receiver, this.#account(1 - end), bytes);
    if (!accounts.ok) throw new Error(accounts.error);
    this.held[end]! -= bytes;
    this.accounts[end] = accounts.value.receiver;
    if (accounts.value.sender !== null) this.#settle(1 - end, accounts.value.sender);
  }

  check(): void {
    for (const end of [0, 1]) {
      const account = this.#account(end);
      if (account === null) continue;
      expect(account.untakenBytes).toBe(this.held[end]);
      const onTheWay = this.#account(1 - end)?.untakenBytes ?? 0;
      expect(this.credit[end]! + account.owedBytes + onTheWay).toBe(LIMITS.roomWindowBytes);
    }
  }
}

it("whatever comes and goes, no byte of the window is lost or made, and an honest client is never out of its credit", () => {
  const end = fc.constantFrom(0, 1);
  const act = fc.oneof(
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("enter" as const, "leave" as const), end }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("send" as const),
        end,
        bytes: fc.integer({ min: LIMITS.roomFrameMinBytes, max: LIMITS.roomFrameBytes }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("take" as const),
        end,
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200, size: "max" }), (history) => {
      const world = new World();
      for (const each of history) {
        if (each.do === "send") world.send(each.end, each.bytes);
        else if (each.do === "take") world.take(each.end, each.share);
        else world[each.do](each.end);
        world.check();
      }
    }),
    { numRuns: 100 },
  );
});
