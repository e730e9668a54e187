/** A conversation in this browser: the messenger, with the room, the clock and the rest that it is to have. */
import { Etsi014Client } from "../../../client/index.ts";
import { now } from "./clock.ts";
import { openLine } from "./line.ts";
import { RoomSocket } from "./room-socket.ts";
import { signIn } from "./sign-in.ts";
import { BrowserSound } from "./sound.ts";
import { Messenger } from "../core/messenger.ts";
import type { Me } from "../core/state.ts";

const TICK_MS = 250;
const LOOK_MS = 4000;
/** Between two looks at whether a room that does not open is one's own fault. */
const ASK_MS = 4000;

export interface Conversation {
  readonly messenger: Messenger;
  /** Ends it, and all that it uses. */
  close(reason: string): void;
}

/** @param token stays in this closure, and in nothing that is stored */
export function openConversation(me: Me, peer: string, token: string | null): Conversation {
  const kme = new Etsi014Client({
    baseUrl: location.origin,
    ...(token === null ? {} : { token }),
    // Whoever waits for a key is told why at once, so each answer counts.
    attempts: 1,
  });
  const messenger = new Messenger({
    me,
    peer,
    kme,
    now,
    pause,
    randomNumber: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    makeLine: (events) =>
      openLine(events, { onFrame: (frame) => messenger.frame(frame), onWritable: () => messenger.poke() }),
    sound: new BrowserSound(),
  });
  const room = new RoomSocket(peer, token, {
    onRoom: (carrier, isPeerPresent) => messenger.roomIs(carrier, isPeerPresent),
    onFrame: (frame, done) => messenger.frame(frame, done),
    onWritable: () => messenger.poke(),
    onEnd: (reason) => close(reason),
  });
  const timers = [
    setInterval(() => messenger.tick(), TICK_MS),
    setInterval(() => void messenger.lookAtKeys(), LOOK_MS),
    setInterval(() => {
      if (messenger.state.presence === "connecting") void stillKnown();
    }, ASK_MS),
  ];
  void messenger.lookAtKeys();
  messenger.subscribe(() => {
    if (messenger.state.ended !== null) letGo();
  });

  /** A browser does not say why a WebSocket could not be opened. */
  async function stillKnown(): Promise<void> {
    const answer = await signIn(token);
    if (!answer.ok && answer.isUnknown)
      close("The edge no longer knows you: your token or certificate does not count.");
  }

  function letGo(): void {
    for (const timer of timers) clearInterval(timer);
    room.close();
  }

  const close = (reason: string): void => messenger.end(reason);
  return { messenger, close };
}

/** @throws the signal's reason */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal.addEventListener("abort", aborted, { once: true });
  });
}
