/**
 * The life of a key of another KMS here, one target at a time: a void beats whatever comes later, and a key that was
 * fetched can no longer be taken back.
 */
import type { SaeId } from "../ids.ts";
import type { AckStatus } from "./ack.ts";

/** What is remembered of a key ID, also once the key is gone. */
export interface Remembered {
  readonly initiator: SaeId;
  /** Whom the key came for; none: it was voided before it came. */
  readonly targets: readonly SaeId[];
  readonly voided: readonly SaeId[];
  readonly expiresMs: number;
}

export interface Arrival {
  readonly initiator: SaeId;
  readonly targets: readonly SaeId[];
}

/** `known`: the same came before, and that holds. */
export type ArrivalVerdict = "new" | "known" | { readonly refused: string };

/** @param isSame are the bytes those that came before? Asked only where some did. */
export function judgeArrival(
  known: Remembered | undefined,
  { initiator, targets }: Arrival,
  isSame: () => boolean,
  nowMs: number,
): ArrivalVerdict {
  if (known === undefined) return "new";
  if (known.initiator !== initiator) return { refused: "the key ID is known with another initiator" };
  if (targets.some((target) => known.voided.includes(target))) return { refused: "the key was voided" };
  if (known.targets.length === 0) return "new";
  if (!isSame()) return { refused: "the key ID is known with another value" };
  if (!targets.every((target) => known.targets.includes(target))) {
    return { refused: "the key ID is known with other targets" };
  }
  return known.expiresMs <= nowMs ? { refused: "the key has expired" } : "known";
}

export interface VoidVerdict {
  readonly status: Extract<AckStatus, "voided" | "key not present" | "failed to void">;
  /** Must it be remembered that the key is void for this target? */
  readonly isRemembered: boolean;
}

/** @param isWaiting can the target still fetch the key? */
export function judgeVoid(
  known: Remembered | undefined,
  { initiator, target }: { readonly initiator: SaeId; readonly target: SaeId },
  isWaiting: () => boolean,
  nowMs: number,
): VoidVerdict {
  if (known === undefined) return { status: "key not present", isRemembered: true };
  if (known.initiator !== initiator) return { status: "key not present", isRemembered: false };
  const came = known.targets.includes(target);
  if (known.voided.includes(target)) return { status: came ? "voided" : "key not present", isRemembered: false };
  if (!came) return { status: "key not present", isRemembered: true };
  if (isWaiting()) return { status: "voided", isRemembered: true };
  if (known.expiresMs <= nowMs) return { status: "key not present", isRemembered: true };
  return { status: "failed to void", isRemembered: false };
}
