import { useState } from "preact/hooks";
import type { MonitorAlarm } from "../../../shared/api/monitor-schemas.ts";
import { clearPath } from "../../core/alarms.ts";
import { useSurroundings } from "../surroundings.ts";

const NOTE_CHARS = 200;

interface Props {
  readonly alarm: MonitorAlarm;
  readonly onFault: (message: string | null) => void;
}

/** What an operator can say about an alarm: seen, with a note; no more; looked into. */
export function AlarmActions({ alarm, onFault }: Props) {
  const { api } = useSurroundings();
  const [note, setNote] = useState<string | null>(null);
  const path = `/api/v1/alarms/${encodeURIComponent(alarm.id)}/acknowledge`;
  const clearing = clearPath(alarm);
  const send = async (method: "POST" | "DELETE", at: string, body?: unknown): Promise<void> => {
    onFault(null);
    const answer = await api.send(method, at, body === undefined ? {} : { body });
    if (answer.ok) setNote(null);
    else onFault(answer.message);
  };
  if (note !== null)
    return (
      <form
        class="acknowledge"
        onSubmit={(event) => {
          event.preventDefault();
          void send("POST", path, { note });
        }}
      >
        <label>
          Note
          <input
            type="text"
            maxLength={NOTE_CHARS}
            value={note}
            ref={(field) => field?.focus()}
            placeholder="optional"
            onInput={({ currentTarget }) => setNote(currentTarget.value)}
          />
        </label>
        <button class="primary" type="submit">
          Acknowledge
        </button>
        <button type="button" onClick={() => setNote(null)}>
          Cancel
        </button>
      </form>
    );
  return (
    <div class="actions">
      {alarm.acknowledged === null ? (
        <button type="button" onClick={() => setNote("")}>
          Acknowledge
        </button>
      ) : (
        <button type="button" onClick={() => void send("DELETE", path)}>
          Not seen after all
        </button>
      )}
      {clearing !== null && (
        <button
          type="button"
          title="It has been looked into; what is still wrong raises it again"
          onClick={() => void send("DELETE", clearing)}
        >
          Clear
        </button>
      )}
    </div>
  );
}
