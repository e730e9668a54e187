import { useEffect, useState } from "preact/hooks";

/** Time goes by on the screen. @returns ms */
export function useNow(everyMs = 1000): number {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}
