import { useEffect, useRef, useState } from "preact/hooks";
import type { Messenger } from "../core/messenger.ts";
import { CallBar } from "./call-bar.tsx";
import { Composer } from "./composer.tsx";
import { Details } from "./details.tsx";
import { Icon } from "./icons.tsx";
import { TimelineView } from "./timeline-view.tsx";
import { TopBar } from "./top-bar.tsx";
import { useTitle } from "./use-title.ts";
import { useCovered } from "./use-covered.ts";
import { useMessenger } from "./use-messenger.ts";
import { exactTimeOf } from "./words.ts";

interface Props {
  readonly messenger: Messenger;
  /** Back to the sign-in, with what is to be said there. */
  readonly onLeave: (reason: string) => void;
}

export function ConversationView({ messenger, onLeave }: Props) {
  const state = useMessenger(messenger);
  const [hasDetails, setHasDetails] = useState(false);
  const [isDropTarget, setIsDropTarget] = useState(false);
  const detailsButton = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (state.ended !== null) onLeave(state.ended);
  }, [state.ended, onLeave]);

  useTitle(state);

  const isCovered = useCovered(hasDetails);
  const isRinging = state.call.call.state === "ringing";
  useEffect(() => {
    // Who is called must see it.
    if (isRinging && isCovered) setHasDetails(false);
  }, [isRinging]);

  const closeDetails = (): void => setHasDetails(false);
  const hadDetails = useRef(false);
  useEffect(() => {
    // Not before it is drawn: behind the details nothing takes the focus.
    if (hadDetails.current && !hasDetails) detailsButton.current?.focus();
    hadDetails.current = hasDetails;
    if (!hasDetails) return undefined;
    const pressed = ({ key }: KeyboardEvent): void => (key === "Escape" ? closeDetails() : undefined);
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [hasDetails]);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setIsDropTarget(false);
    for (const file of event.dataTransfer?.files ?? []) messenger.sendFile(file);
  };
  return (
    <div
      class={`conversation${hasDetails ? " with-details" : ""}${isDropTarget ? " drop" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setIsDropTarget(true);
      }}
      onDragLeave={() => setIsDropTarget(false)}
      onDrop={drop}
    >
      <div class="talk-parts" inert={isCovered}>
        <TopBar
          state={state}
          hasDetails={hasDetails}
          detailsButton={detailsButton}
          onDetails={() => (hasDetails ? closeDetails() : setHasDetails(true))}
          onCall={() => messenger.calls.place()}
          onLeave={() => onLeave("You are signed out. Nothing of the conversation is left here.")}
        />
        <CallBar state={state} calls={messenger.calls} />
        <main class="talk">
          <TimelineView state={state} messenger={messenger} />
          <div class="waiting" role="status">
            {state.waiting.map(({ whose, reason, sinceMs }) => (
              <p key={`${whose} ${sinceMs}`}>
                <Icon name="wait" />
                <span>
                  <strong>{whose === "mine" ? "Waiting for key" : "Waiting for the other side's key"}</strong> since{" "}
                  {exactTimeOf(sinceMs)}: {reason}.{" "}
                  {whose === "mine"
                    ? "What you send stays here until there is one."
                    : "What has come cannot be opened yet."}
                </span>
              </p>
            ))}
          </div>
          <Composer state={state} messenger={messenger} />
        </main>
      </div>
      <Details state={state} messenger={messenger} isOpen={hasDetails} onClose={closeDetails} />
    </div>
  );
}
