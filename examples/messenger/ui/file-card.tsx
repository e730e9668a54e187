import { useEffect, useRef, useState } from "preact/hooks";
import { safeName } from "../core/file-receive.ts";
import type { Messenger } from "../core/messenger.ts";
import type { State } from "../core/state.ts";
import type { FileEntry } from "../core/timeline.ts";
import { Icon } from "./icons.tsx";
import { KeyWords } from "./key-words.tsx";
import { useFocusKept } from "./use-focus-kept.ts";
import { size, timeOf } from "./words.ts";

interface Props {
  readonly entry: FileEntry;
  readonly state: Pick<State, "peer" | "book">;
  readonly messenger: Messenger;
}

export function FileCard({ entry, state, messenger }: Props) {
  const { id, from, name, sizeBytes, doneBytes, keys } = entry;
  const tools = useRef<HTMLDivElement>(null);
  useFocusKept(tools, entry.state);
  const isAsked = from === "peer" && entry.state === "offered";
  const isOpen = entry.state === "offered" || entry.state === "moving";
  return (
    <article class={`bubble file ${from} ${entry.state}`} aria-label={`${from === "me" ? "You" : state.peer}: file`}>
      <div class="file-head">
        <Icon name="file" />
        <div>
          <p class="file-name">{safeName(name)}</p>
          <p class="file-state">{inWords(entry, state.peer)}</p>
        </div>
      </div>
      {entry.state === "moving" && (
        <progress max={Math.max(1, sizeBytes)} value={doneBytes} aria-label={`${name}: how much has arrived`} />
      )}
      <div class="file-tools" ref={tools}>
        {isAsked && (
          <button type="button" class="small primary" onClick={() => messenger.answerFile(id, true)}>
            Accept
          </button>
        )}
        {isAsked && (
          <button type="button" class="small" onClick={() => messenger.answerFile(id, false)}>
            Decline
          </button>
        )}
        {isOpen && !isAsked && (
          <button type="button" class="small" onClick={() => messenger.cancelFile(id)}>
            Cancel
          </button>
        )}
        <SaveLink entry={entry} />
      </div>
      <p class="meta">
        <KeyWords state={state} keyId={entry.keyId ?? keys[0] ?? null} more={Math.max(0, keys.length - 1)} />
        <time>{timeOf(entry.atMs)}</time>
      </p>
    </article>
  );
}

/** The file as the browser's own: it is let go with the card. */
function SaveLink({ entry: { chunks, mediaType, name } }: { readonly entry: FileEntry }) {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (chunks === null) return undefined;
    // Never opened here, only saved: whatever it claims to be, it does not run on this page's behalf.
    const made = URL.createObjectURL(new Blob([...chunks], { type: mediaType || "application/octet-stream" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [chunks, mediaType]);
  if (url === null) return null;
  return (
    <a class="small button" href={url} download={safeName(name)}>
      <Icon name="save" />
      Save
    </a>
  );
}

function inWords({ from, sizeBytes, doneBytes, state, note }: FileEntry, peer: string): string {
  const whole = size(sizeBytes);
  switch (state) {
    case "offered":
      return from === "me" ? `${whole}, offered to ${peer}` : `${whole}, from ${peer}`;
    case "moving":
      return `${size(doneBytes)} of ${whole}`;
    case "done":
      return `${whole}, ${from === "me" ? "arrived whole" : "whole, checked"}`;
    default:
      return `${whole}, ${note ?? state}`;
  }
}
