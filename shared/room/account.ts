/**
 * Credit in a room. A WebSocket has no backpressure of its own: what an end does not read piles up in the room's memory.
 * So each end may have `roomWindowBytes` of frames on the way that the other has not said to have taken, and the room
 * keeps the account. What a sender may still send = window - its peer's untaken - what it is owed.
 */
import { BROWSERS } from "../limits-browsers.ts";
import { err, ok, type Result } from "../result.ts";
import type { RoomEnd } from "./wire.ts";

/** Of one end's socket. */
export interface Account {
  /** Passed on to it, and not said to be taken. */
  readonly untakenBytes: number;
  /** Credit for its own frames that it has not been told of yet. */
  readonly owedBytes: number;
}

export const NEW_ACCOUNT: Account = { untakenBytes: 0, owedBytes: 0 };

/** Both ends' accounts; null: that end is not there. */
export interface Accounts {
  readonly sender: Account;
  readonly receiver: Account | null;
}

/** What a newcomer may send: frames of the one before it may still be on their way to the peer. */
export const firstCreditBytes = (peer: Account | null): number => BROWSERS.roomWindowBytes - (peer?.untakenBytes ?? 0);

/** A frame has come from the sender. Where there is no receiver it is dropped, and the credit for it owed at once. */
export function sent({ sender, receiver }: Accounts, frameBytes: number): Result<Accounts, RoomEnd> {
  if (frameBytes < BROWSERS.roomFrameMinBytes) return err("too-small");
  if (frameBytes > BROWSERS.roomFrameBytes) return err("too-large");
  if (frameBytes > firstCreditBytes(receiver) - sender.owedBytes) return err("no-credit");
  if (receiver === null) return ok({ sender: owed(sender, frameBytes), receiver });
  return ok({ sender, receiver: { ...receiver, untakenBytes: receiver.untakenBytes + frameBytes } });
}

/** The receiver says to have taken so much. */
export function taken(
  receiver: Account,
  sender: Account | null,
  bytes: number,
): Result<{ readonly receiver: Account; readonly sender: Account | null }, RoomEnd> {
  if (bytes > receiver.untakenBytes) return err("bad-taken");
  return ok({
    receiver: { ...receiver, untakenBytes: receiver.untakenBytes - bytes },
    sender: sender === null ? null : owed(sender, bytes),
  });
}

/** The receiver has gone: what it had not taken is lost, and no longer on its way. */
export const afterLeave = (sender: Account, receiver: Account): Account => owed(sender, receiver.untakenBytes);

/** What the sender is to be told now, 0: nothing yet. So rarely that it always has credit for a whole frame if all was taken. */
export function settle(sender: Account): { readonly account: Account; readonly creditBytes: number } {
  if (sender.owedBytes < BROWSERS.roomCreditBytes) return { account: sender, creditBytes: 0 };
  return { account: { ...sender, owedBytes: 0 }, creditBytes: sender.owedBytes };
}

const owed = (account: Account, bytes: number): Account => ({ ...account, owedBytes: account.owedBytes + bytes });
