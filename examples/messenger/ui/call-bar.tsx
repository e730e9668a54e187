import { useRef } from "preact/hooks";
import type { Messenger } from "../core/messenger.ts";
import type { State } from "../core/state.ts";
import { Icon } from "./icons.tsx";
import { useFocusKept } from "./use-focus-kept.ts";
import { useNow } from "./use-messenger.ts";
import { duration } from "./words.ts";

interface Props {
  readonly state: State;
  readonly calls: Messenger["calls"];
}

export function CallBar({ state, calls }: Props) {
  const { call } = state.call;
  const bar = useRef<HTMLDivElement>(null);
  useFocusKept(bar, call.state);
  // A call takes nobody's focus: who is just typing must not answer it by that.
  return (
    <div class="call-box" ref={bar}>
      <p class="unseen" role="alert">
        {call.state === "ringing" &&
          `${state.peer} is calling. Answer or decline in the section Call, before the messages.`}
        {call.state === "talking" && `In a call with ${state.peer}`}
      </p>
      {call.state !== "none" && <Bar state={state} calls={calls} />}
    </div>
  );
}

function Bar({ state, calls }: Props) {
  const { call, isMuted, soundFault, level, heardFrames } = state.call;
  const nowMs = useNow(true);
  if (call.state === "none") return null;
  const isTalking = call.state === "talking";
  return (
    <section class={`call ${call.state}`} aria-label="Call">
      <p>
        <Icon name="call" />
        <strong>
          {call.state === "ringing" && `${state.peer} is calling`}
          {call.state === "calling" && `Calling ${state.peer} …`}
          {isTalking && `In a call with ${state.peer}`}
        </strong>
        {isTalking && <span class="duration">{duration(nowMs - call.sinceMs)}</span>}
      </p>
      {isTalking && (
        <meter min={0} max={1} value={level} aria-label={`How loud ${state.peer} is`} data-heard-frames={heardFrames} />
      )}
      <div class="call-tools">
        {call.state === "ringing" && (
          <button type="button" class="small primary" onClick={() => calls.answer(true)}>
            <Icon name="call" />
            Answer
          </button>
        )}
        {call.state === "ringing" && (
          <button type="button" class="small danger" onClick={() => calls.answer(false)}>
            Decline
          </button>
        )}
        {isTalking && (
          <button type="button" class="small" aria-pressed={isMuted} onClick={() => calls.mute(!isMuted)}>
            <Icon name={isMuted ? "muted" : "microphone"} />
            {isMuted ? "Muted" : "Mute"}
          </button>
        )}
        {call.state !== "ringing" && (
          <button type="button" class="small danger" onClick={() => calls.hangUp()}>
            <Icon name="hangUp" />
            Hang up
          </button>
        )}
      </div>
      {soundFault !== null && (
        <p class="call-fault" role="alert">
          {soundFault}
        </p>
      )}
    </section>
  );
}
