/** All that the screen shows of a conversation, as one value that changes as a whole. */
import { type CallView, NO_CALL_VIEW } from "./calls.ts";
import { EMPTY_BOOK, type KeyBook } from "./key-book.ts";
import type { Waiting } from "./key-source.ts";
import { type KeyUse, type Rotation, ROTATION_DEFAULT } from "./rotation.ts";
import type { Carrier } from "./carrier.ts";
import type { Timeline } from "./timeline.ts";
import type { Way } from "./way.ts";

export interface Me {
  readonly sae: string;
  readonly node: string;
  /** How the edge knows: by a token or a certificate. */
  readonly by: "token" | "certificate";
}

/** `connecting`: the room does not answer yet, or again. `meeting`: both are there, their pages greet each other. */
export type Presence = "connecting" | "away" | "meeting" | "here";

export interface State {
  readonly me: Me;
  readonly peer: string;
  readonly presence: Presence;
  readonly channel: Carrier["kind"] | null;
  readonly isRoomOnly: boolean;
  readonly timeline: Timeline;
  readonly waiting: readonly Waiting[];
  readonly way: Way | null;
  readonly book: KeyBook;
  readonly sendingKey: { readonly keyId: string; readonly use: KeyUse } | null;
  readonly rotation: Rotation;
  readonly call: CallView;
  /** Why the conversation is over; null: it goes on. */
  readonly ended: string | null;
}

export const firstState = (me: Me, peer: string): State => ({
  me,
  peer,
  presence: "connecting",
  channel: null,
  isRoomOnly: false,
  timeline: [],
  waiting: [],
  way: null,
  book: EMPTY_BOOK,
  sendingKey: null,
  rotation: ROTATION_DEFAULT,
  call: NO_CALL_VIEW,
  ended: null,
});
