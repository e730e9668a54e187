import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/**
 * Buttons go when they have been pressed. Whoever was on one is taken to the next in its place, and not to the top of the
 * page.
 * @param state with which they come and go
 */
export function useFocusKept(box: RefObject<HTMLElement | null>, state: string): void {
  // Before anything is drawn.
  const wasInside = box.current?.contains(document.activeElement) ?? false;
  useEffect(() => {
    if (!wasInside || document.activeElement !== document.body) return;
    const next = box.current?.querySelector<HTMLElement>("button, a[href]");
    (next ?? document.querySelector<HTMLElement>('[role="log"]'))?.focus();
  }, [state]);
}
