import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Places } from "../../core/layout.ts";
import { fitted, type Size, type Viewport } from "../../core/viewport.ts";

/** What part of the map is seen: all of it, until somebody has looked closer. */
export function useViewport(frame: RefObject<SVGSVGElement | null>, places: Places) {
  const [size, setSize] = useState<Size>({ width: 800, height: 460 });
  const [chosen, setChosen] = useState<Viewport | null>(null);
  useEffect(() => {
    if (frame.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, [frame]);
  const viewport = chosen ?? fitted(places, size);
  return { viewport, size, isChosen: chosen !== null, choose: setChosen };
}
