import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface Props<T> {
  readonly items: readonly T[];
  /** So many at first, and so many more with each press. */
  readonly at: number;
  readonly children: (items: readonly T[]) => ComponentChildren;
}

/** Networks have thousands of links: nobody reads so many at once, and the page would be slow. */
export function Few<T>({ items, at, children }: Props<T>) {
  const [most, setMost] = useState(at);
  const left = items.length - most;
  return (
    <>
      {children(items.slice(0, most))}
      {left > 0 && (
        <button class="more" type="button" onClick={() => setMost(most + at)}>
          Show {Math.min(at, left)} more of {left}
        </button>
      )}
    </>
  );
}
