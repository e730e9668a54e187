import { useEffect, useRef } from "preact/hooks";
import type { State } from "../core/state.ts";

/** The window's title says how much has come while nobody looked, not from whom: browsers keep titles in their history. */
export function useTitle({ timeline, call }: State): void {
  const come = timeline.filter((entry) => entry.kind !== "note" && entry.from === "peer").length;
  const seen = useRef(come);
  useEffect(() => {
    const draw = (): void => {
      if (!document.hidden) seen.current = come;
      const unseen = come - seen.current;
      const what = call.call.state === "ringing" ? "Call · " : unseen > 0 ? `(${unseen}) ` : "";
      document.title = `${what}Messenger`;
    };
    draw();
    document.addEventListener("visibilitychange", draw);
    return () => document.removeEventListener("visibilitychange", draw);
  }, [come, call.call.state]);
  useEffect(
    () => () => {
      document.title = "Messenger";
    },
    [],
  );
}
