import { useEffect, useRef, useState } from "preact/hooks";
import { BOUNDS } from "../core/bounds.ts";
import type { Messenger } from "../core/messenger.ts";
import { padBits, padRoomBytes } from "../core/one-time-pad.ts";
import type { State } from "../core/state.ts";
import { Icon } from "./icons.tsx";
import { count } from "./words.ts";

interface Props {
  readonly state: State;
  readonly messenger: Messenger;
}

/** Until the key management entity has said how large a key may be. */
const MAX_KEY_BITS = 4096;

export function Composer({ state, messenger }: Props) {
  const [text, setText] = useState("");
  const [isPad, setIsPad] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const files = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // Where it would bring up a keyboard on the screen, people ask for that themselves.
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);
  const maxBits = state.way?.maxKeyBits ?? MAX_KEY_BITS;
  const bits = padBits(text);
  const isTooLong = isPad && bits > maxBits;
  const canSend = text.trim() !== "" && !isTooLong;

  const send = (): void => {
    if (!canSend) return;
    messenger.sendText(text, isPad ? "pad" : "key");
    setText("");
    field.current?.focus();
  };
  const chosen = (): void => {
    for (const file of files.current?.files ?? []) messenger.sendFile(file);
    if (files.current !== null) files.current.value = "";
  };
  return (
    <form
      class={`composer${isPad ? " pad" : ""}`}
      aria-label="Write"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {isPad && <PadBar bits={text === "" ? 0 : bits} maxBits={maxBits} spentBits={state.book.padBits} />}
      <div class="line">
        <button
          class="tool"
          type="button"
          aria-label="Send a file"
          title="Send a file"
          onClick={() => files.current?.click()}
        >
          <Icon name="clip" />
        </button>
        <input ref={files} class="unseen" type="file" multiple tabIndex={-1} aria-label="Files" onChange={chosen} />
        <textarea
          ref={field}
          rows={1}
          value={text}
          maxLength={BOUNDS.textChars}
          aria-label={`Message to ${state.peer}`}
          aria-invalid={isTooLong}
          placeholder={isPad ? "A short text under a one-time pad" : "Write a message"}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button
          class="tool pad-switch"
          type="button"
          role="switch"
          aria-checked={isPad}
          aria-label="One-time pad"
          title="One-time pad: each text costs its length in key"
          onClick={() => setIsPad(!isPad)}
        >
          <Icon name="pad" />
          <span aria-hidden="true">OTP</span>
        </button>
        <button class="tool send" type="submit" aria-label="Send" title="Send" disabled={!canSend}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}

interface PadBarProps {
  readonly bits: number;
  readonly maxBits: number;
  readonly spentBits: number;
}

/** What the text will cost, of what one key may have, and what was spent before it. */
function PadBar({ bits, maxBits, spentBits }: PadBarProps) {
  const isTooLong = bits > maxBits;
  return (
    <div class="pad-bar">
      <meter
        min={0}
        max={maxBits}
        high={maxBits - 1}
        value={Math.min(bits, maxBits)}
        aria-label="Key bits of this text"
      />
      <p aria-live="polite">
        {isTooLong
          ? `Too long for a one-time pad: ${count(padRoomBytes(maxBits))} bytes at most.`
          : `This text costs ${count(bits)} of at most ${count(maxBits)} bits of key.`}{" "}
        <strong>{count(spentBits)} bits spent</strong> on pads so far.
      </p>
    </div>
  );
}
