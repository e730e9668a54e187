import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Messenger } from "../core/messenger.ts";
import type { State } from "../core/state.ts";
import { FileCard } from "./file-card.tsx";
import { Icon } from "./icons.tsx";
import { TextBubble } from "./text-bubble.tsx";
import { timeOf } from "./words.ts";

/** Who has scrolled up reads: new messages do not take that away. */
const NEAR_END_PX = 120;

export function TimelineView({ state, messenger }: { readonly state: State; readonly messenger: Messenger }) {
  const { timeline, peer, presence } = state;
  const list = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const last = timeline.at(-1);
  const bubbles = useBubbles(state, messenger);
  useEffect(() => {
    const element = list.current;
    if (element !== null && (isAtEnd.current || (last?.kind !== "note" && last?.from === "me"))) {
      element.scrollTop = element.scrollHeight;
    }
  }, [timeline.length, last, state.waiting.length]);
  useEffect(() => {
    const element = list.current;
    if (element === null) return undefined;
    // A call's bar or a screen keyboard takes of its height.
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const scrolled = (): void => {
    const element = list.current;
    if (element === null) return;
    isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
  };
  return (
    // A region that scrolls must be reachable by keyboard.
    <div
      class="timeline"
      role="log"
      // Of a file that moves every piece would be read out.
      aria-relevant="additions"
      aria-label={`Conversation with ${peer}`}
      tabIndex={0}
      ref={list}
      onScroll={scrolled}
    >
      {timeline.length === 0 && (
        <div class="empty">
          <Icon name="key" />
          <p>
            {presence === "here"
              ? `You and ${peer} are here. Say something.`
              : `Waiting for ${peer}. What you write meanwhile goes as soon as ${peer} is here.`}
          </p>
        </div>
      )}
      {bubbles}
    </div>
  );
}

/** Drawn anew when what they show has changed: a call changes the state with each frame of its sound. */
function useBubbles({ timeline, peer, presence, waiting, book }: State, messenger: Messenger) {
  return useMemo(() => {
    const state = { peer, presence, waiting, book };
    return timeline.map((entry) => {
      // IDs are chosen by whoever sends: one of them may be that of an entry of another kind.
      const key = `${entry.kind} ${entry.id}`;
      if (entry.kind === "text") return <TextBubble key={key} entry={entry} state={state} />;
      if (entry.kind === "file") return <FileCard key={key} entry={entry} state={state} messenger={messenger} />;
      return (
        <p key={key} class={`note ${entry.tone}`}>
          <time>{timeOf(entry.atMs)}</time> {entry.text}
        </p>
      );
    });
  }, [timeline, peer, presence, waiting, book, messenger]);
}
