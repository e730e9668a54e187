import { useEffect, useRef, useState } from "preact/hooks";
import type { MonitorAlarm } from "../../../shared/api/monitor-schemas.ts";
import { ALARMS } from "../../../shared/limits-alarms.ts";
import { clearPath } from "../../core/alarms.ts";
import { useSurroundings } from "../surroundings.ts";

interface Props {
  readonly alarm: MonitorAlarm;
  readonly onFault: (message: string | null) => void;
}

/** What an operator can say about an alarm: seen, with a note; no more; looked into. */
export function AlarmActions({ alarm, onFault }: Props) {
  const { api } = useSurroundings();
  const [isNoting, setIsNoting] = useState(false);
  const path = `/api/v1/alarms/${encodeURIComponent(alarm.id)}/acknowledge`;
  const clearing = clearPath(alarm);
  const send = async (method: "POST" | "DELETE", at: string, body?: unknown): Promise<void> => {
    onFault(null);
    const answer = await api.send(method, at, body === undefined ? {} : { body });
    if (answer.ok) setIsNoting(false);
    else onFault(answer.message);
  };
  if (isNoting)
    return <NoteForm onNote={(note) => void send("POST", path, { note })} onCancel={() => setIsNoting(false)} />;
  return (
    <div class="actions">
      {alarm.acknowledged === null ? (
        <button type="button" onClick={() => setIsNoting(true)}>
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

interface NoteProps {
  readonly onNote: (note: string) => void;
  readonly onCancel: () => void;
}

function NoteForm({ onNote, onCancel }: NoteProps) {
  const [note, setNote] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      class="acknowledge"
      onSubmit={(event) => {
        event.preventDefault();
        onNote(note);
      }}
    >
      <label>
        Note
        <input
          type="text"
          maxLength={ALARMS.alarmNoteChars}
          value={note}
          ref={field}
          placeholder="optional"
          onInput={({ currentTarget }) => setNote(currentTarget.value)}
        />
      </label>
      <button class="primary" type="submit">
        Acknowledge
      </button>
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </form>
  );
}
