/** Reading a plot, and looking closer: by pointer and by keys. */
import { useState } from "preact/hooks";
import { lengthOf, type Scales, shiftedSpan, type Span, zoomedSpan } from "../../core/plot.ts";

const ZOOM = 1.6;
/** Of the width: a pointer that moved less has pointed, not chosen. */
const CHOSEN_LEAST = 0.02;

interface Options {
  readonly scales: Scales;
  readonly whole: Span;
  readonly stepS: number;
  readonly onSpan: (span: Span) => void;
}

export function usePlotCursor({ scales, whole, stepS, onSpan }: Options) {
  const { span } = scales;
  const [cursorS, setCursorS] = useState<number | null>(null);
  const [fromS, setFromS] = useState<number | null>(null);
  const atS = ({ clientX, currentTarget }: PointerEvent): number =>
    scales.atS(clientX - (currentTarget as Element).getBoundingClientRect().left);
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = cursorS ?? span.toS;
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
    if (way !== 0 && event.shiftKey) onSpan(shiftedSpan(span, whole, (way * lengthOf(span)) / 4));
    else if (way !== 0) setCursorS(Math.min(span.toS, Math.max(span.fromS, at + way * stepS)));
    else if (event.key === "+" || event.key === "=") onSpan(zoomedSpan(span, whole, ZOOM, at));
    else if (event.key === "-") onSpan(zoomedSpan(span, whole, 1 / ZOOM, at));
    else if (event.key === "0" || event.key === "Escape") onSpan(whole);
    else return;
    event.preventDefault();
  };
  const onPointerUp = (event: PointerEvent): void => {
    const toS = atS(event);
    if (fromS !== null && Math.abs(toS - fromS) > CHOSEN_LEAST * lengthOf(span)) {
      const chosen = { fromS: Math.min(fromS, toS), toS: Math.max(fromS, toS) };
      onSpan(zoomedSpan(chosen, whole, 1, chosen.fromS));
    }
    setFromS(null);
  };
  return {
    cursorS,
    /** Where a choice began; null: none is being made. */
    fromS,
    handlers: {
      onKeyDown,
      onPointerUp,
      onPointerDown: (event: PointerEvent): void => {
        if (event.button === 0) setFromS(atS(event));
      },
      onPointerMove: (event: PointerEvent): void => setCursorS(atS(event)),
      onPointerLeave: (): void => {
        setCursorS(null);
        setFromS(null);
      },
      onDblClick: (): void => onSpan(whole),
      onBlur: (): void => setCursorS(null),
    },
  };
}
