import { useEffect, useState } from "preact/hooks";
import { now } from "../browser/clock.ts";
import type { Messenger } from "../core/messenger.ts";
import type { State } from "../core/state.ts";

/** A file or a call changes the state hundreds of times a second: it is drawn this often. */
const DRAW_MS = 40;

export function useMessenger(messenger: Messenger): State {
  const [state, setState] = useState(messenger.state);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      timer = undefined;
      setState(messenger.state);
    };
    const stop = messenger.subscribe(() => {
      timer ??= setTimeout(draw, DRAW_MS);
    });
    draw();
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [messenger]);
  return state;
}

/** Seconds go by on the screen. */
export function useNow(isTicking: boolean): number {
  const [nowMs, setNowMs] = useState(now());
  useEffect(() => {
    if (!isTicking) return undefined;
    setNowMs(now());
    const timer = setInterval(() => setNowMs(now()), 1000);
    return () => clearInterval(timer);
  }, [isTicking]);
  return nowMs;
}
