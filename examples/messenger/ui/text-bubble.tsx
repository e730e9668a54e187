import type { State } from "../core/state.ts";
import type { TextEntry } from "../core/timeline.ts";
import { Icon } from "./icons.tsx";
import { KeyWords } from "./key-words.tsx";
import { count, timeOf } from "./words.ts";

interface Props {
  readonly entry: TextEntry;
  readonly state: Pick<State, "peer" | "presence" | "waiting" | "book">;
}

export function TextBubble({ entry, state }: Props) {
  const { from, text, seal, keyId, bits, atMs } = entry;
  const isPad = seal === "pad";
  return (
    <article
      class={`bubble ${from}${isPad ? " pad" : ""} ${entry.state}`}
      aria-label={from === "me" ? "You" : state.peer}
    >
      {from === "peer" && entry.state === "lost" ? (
        <p class="text lost">
          A text under a one-time pad that your key management entity does not have. {state.peer} has been asked for it
          under another.
        </p>
      ) : (
        <p class="text">{text}</p>
      )}
      <p class="meta">
        {isPad && <span class="badge">One-time pad · {count(bits)} bits</span>}
        <KeyWords state={state} keyId={keyId} isPad={isPad} />
        <time>{timeOf(atMs)}</time>
        {from === "me" && <Progress entry={entry} state={state} />}
      </p>
    </article>
  );
}

function Progress({ entry, state }: Props) {
  const words = inWords(entry, state);
  return (
    <span class={`progress ${entry.state}`}>
      <Icon name={ICONS[entry.state]} />
      {words}
    </span>
  );
}

const ICONS = { queued: "wait", sent: "check", delivered: "check", lost: "warn", refused: "warn" } as const;

function inWords({ state: at }: TextEntry, { waiting, presence, peer }: Props["state"]): string {
  if (at === "lost") return "could not be opened there";
  if (at === "refused") return "not sent";
  if (at !== "queued") return at;
  if (presence !== "here") return `waits for ${peer}`;
  return waiting.some(({ whose }) => whose === "mine") ? "waiting for key" : "sending";
}
