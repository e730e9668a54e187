import type { Ref } from "preact";
import { shortKeyId } from "../core/key-id.ts";
import type { State } from "../core/state.ts";
import { Icon } from "./icons.tsx";
import { CHANNEL, CHANNEL_IN_FULL, PRESENCE } from "./words.ts";

interface Props {
  readonly state: State;
  readonly hasDetails: boolean;
  readonly detailsButton: Ref<HTMLButtonElement>;
  readonly onDetails: () => void;
  readonly onCall: () => void;
  readonly onLeave: () => void;
}

export function TopBar({ state, hasDetails, detailsButton, onDetails, onCall, onLeave }: Props) {
  const { peer, presence, channel, sendingKey, call } = state;
  return (
    <header class="top">
      <div class={`avatar ${presence}`} aria-hidden="true">
        {initials(peer)}
      </div>
      <div class="who">
        <h1>{peer}</h1>
        <p role="status" class={`presence ${presence}`}>
          {PRESENCE[presence]}
        </p>
      </div>
      <ul class="chips" aria-label="How it is protected">
        {channel !== null && (
          <li class={`chip ${channel}`} title={CHANNEL_IN_FULL[channel]}>
            <Icon name={channel} />
            {CHANNEL[channel]}
          </li>
        )}
        {sendingKey !== null && (
          <li class="chip key" title={`You seal with key ${sendingKey.keyId}`}>
            <Icon name="key" />
            <code>{shortKeyId(sendingKey.keyId)}</code>
          </li>
        )}
      </ul>
      <div class="tools">
        <button
          class="tool"
          type="button"
          aria-label={`Call ${peer}`}
          title="Call"
          disabled={presence !== "here" || call.call.state !== "none"}
          onClick={onCall}
        >
          <Icon name="call" />
        </button>
        <button
          class="tool"
          type="button"
          ref={detailsButton}
          aria-label="Keys and settings"
          title="Keys and settings"
          aria-expanded={hasDetails}
          aria-controls="details"
          onClick={onDetails}
        >
          <Icon name="info" />
        </button>
        <button class="tool" type="button" aria-label="Sign out" title="Sign out" onClick={onLeave}>
          <Icon name="out" />
        </button>
      </div>
    </header>
  );
}

/** Of what tells SAEs apart: the ends of their ids. */
const initials = (sae: string): string => {
  const parts = sae.split(/[^\p{L}\p{N}]+/u).filter((part) => part !== "");
  return (parts.at(-1) ?? sae).slice(0, 2).toUpperCase();
};
