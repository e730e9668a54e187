/** What becomes of messages: those that have come go to whom they concern, of one's own it is told how far they are. */
import type { Bytes } from "./bytes.ts";
import type { Calls } from "./calls.ts";
import type { Direct } from "./direct.ts";
import { decodeMessage } from "./message.ts";
import type { Screen } from "./screen.ts";
import type { Tag } from "./tag.ts";
import type { Texts } from "./texts.ts";
import type { Transfers } from "./transfers.ts";
import { withKey } from "./timeline.ts";

export interface DispatchOptions {
  readonly peer: string;
  readonly screen: Screen;
  readonly texts: Texts;
  readonly transfers: Transfers;
  readonly calls: Calls;
  readonly direct: Direct;
}

export class Dispatch {
  readonly #options: DispatchOptions;

  constructor(options: DispatchOptions) {
    this.#options = options;
  }

  /** The two pages know each other. @param lost what an earlier page of the other side did not acknowledge */
  met(isAnother: boolean, lost: readonly Tag[]): void {
    const { peer, screen, texts, transfers, calls, direct } = this.#options;
    direct.met(isAnother);
    if (isAnother) {
      transfers.lose(lost.flatMap((tag) => (tag.kind === "file" && tag.part === "offer" ? [tag.id] : [])));
      calls.lose();
      screen.note(`${peer} has opened the page anew.`);
    }
    texts.sendAgain(lost.flatMap((tag) => (tag.kind === "text" ? [tag.id] : [])));
    screen.show();
  }

  /** Once more, perhaps, and under another key than before: the last is the likelier to have arrived. */
  sent(tag: Tag, keyId: string): void {
    const { screen, transfers } = this.#options;
    if (tag.kind === "text") {
      screen.patch("text", tag.id, (entry) => ({ state: "sent", keyId: entry.seal === "pad" ? entry.keyId : keyId }));
    } else if (tag.kind === "file") {
      if (tag.part === "offer") screen.patch("file", tag.id, () => ({ keyId }));
      if (tag.part === "chunk") screen.patch("file", tag.id, ({ keys }) => ({ keys: withKey(keys, keyId) }));
      transfers.feed();
    }
  }

  arrived(tag: Tag): void {
    const { screen, transfers } = this.#options;
    if (tag.kind === "text") screen.patch("text", tag.id, () => ({ state: "delivered" }));
    else if (tag.kind === "file" && tag.part === "chunk") transfers.arrived(tag.id, tag.endBytes);
  }

  /** @param keyId of the frame that it came in */
  receive(bytes: Bytes, keyId: string): void {
    const message = decodeMessage(bytes);
    if (message === null) return;
    const { head } = message;
    const { texts, transfers, calls, direct } = this.#options;
    if (head.kind === "text" || head.kind === "pad" || head.kind === "pad-lost") texts.receive(message, keyId);
    else if (head.kind === "call") calls.hear(head.call, head.step);
    else if (head.kind === "direct") direct.heard(head.isWanted);
    else if (head.kind === "description") void direct.describe(head);
    else transfers.receive(message, keyId);
  }
}
