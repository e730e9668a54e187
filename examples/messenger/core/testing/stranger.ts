/** The other side as no page of ours would be: says what it likes, sealed as it has to be. */
import { encodeMessage, type Message, type MessageHead, decodeMessage } from "../message.ts";
import { ROTATION_DEFAULT } from "../rotation.ts";
import type { TakenKey } from "../sending-key.ts";
import { Session } from "../session.ts";
import { Pair } from "./pair.ts";

export class Stranger {
  readonly pair: Pair;
  readonly heard: Message[] = [];
  readonly #session: Session<null>;

  /** Takes the place of sae-b. */
  constructor(pair: Pair) {
    this.pair = pair;
    pair.people["sae-b"].end("taken over");
    const { kme } = pair.keys;
    this.#session = new Session<null>({
      me: "sae-b",
      peer: "sae-a",
      newId: () => 7,
      now: pair.clock.now,
      rotation: () => ROTATION_DEFAULT,
      takeKey: async () => (await kme.getKey("sae-a"))[0] as TakenKey,
      fetchKey: async (keyId) => ((await kme.getKeyWithIds("sae-a", [keyId]))[0] as TakenKey).key,
      isMessage: () => false,
      onSent: () => undefined,
      onArrived: () => undefined,
      onMessage: (bytes) => void this.heard.push(decodeMessage(bytes) as Message),
      onSound: () => undefined,
      onMet: () => undefined,
      onKeyLost: () => undefined,
      onForged: () => undefined,
      onChange: () => undefined,
    });
  }

  static async met(): Promise<Stranger> {
    const stranger = new Stranger(new Pair());
    const { pair } = stranger;
    const frames = { kind: "room", hasRoomFor: () => true } as const;
    const toStranger = (frame: Uint8Array<ArrayBuffer>) => stranger.#session.receive(frame, () => undefined);
    pair.a.roomIs({ ...frames, send: toStranger }, true);
    stranger.#session.useCarrier({ ...frames, send: (frame) => pair.a.frame(frame) });
    stranger.#session.greet();
    await stranger.untilSo(() => pair.a.state.presence === "here");
    return stranger;
  }

  say(head: MessageHead, body?: Uint8Array): void {
    this.#session.send(encodeMessage(head, body), null);
  }

  async untilSo(isSo: () => boolean): Promise<void> {
    await this.pair.untilSo(() => {
      this.#session.tick();
      return isSo();
    });
  }
}
