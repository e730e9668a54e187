import type { Bytes } from "./bytes.ts";

/** A way to the other side: frames arrive once and in order, or the way breaks. */
export interface Carrier {
  readonly kind: "direct" | "room";
  hasRoomFor(sizeBytes: number): boolean;
  send(frame: Bytes): void;
}
