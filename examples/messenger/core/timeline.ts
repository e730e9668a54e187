/** What is on the screen of a conversation, in its order. Only in memory: with the page it is gone. */
import { BOUNDS } from "./bounds.ts";

export type From = "me" | "peer";

interface Base {
  readonly id: string;
  readonly atMs: number;
}

export interface TextEntry extends Base {
  readonly kind: "text";
  readonly from: From;
  readonly text: string;
  /** Under a one-time pad of its own, or under the key of the time. */
  readonly seal: "key" | "pad";
  /** Null: none yet. */
  readonly keyId: string | null;
  /** Of the pad. */
  readonly bits: number;
  /** Of one's own; what has come is `delivered`. `lost`: its pad could not be had where it came; `refused`: where it was to go. */
  readonly state: "queued" | "sent" | "delivered" | "lost" | "refused";
}

/** `offered`: to one of the two, who has not said anything yet. */
export type FileState = "offered" | "moving" | "done" | "declined" | "cancelled" | "failed";

export interface FileEntry extends Base {
  readonly kind: "file";
  readonly from: From;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** That have arrived. */
  readonly doneBytes: number;
  readonly state: FileState;
  readonly keyId: string | null;
  /** Keys that its pieces came under. */
  readonly keys: readonly string[];
  /** What went wrong. */
  readonly note: string | null;
  /** Of one that has come, for as long as the page lives. */
  readonly chunks: readonly Uint8Array<ArrayBuffer>[] | null;
}

export interface NoteEntry extends Base {
  readonly kind: "note";
  readonly tone: "plain" | "bad";
  readonly text: string;
}

export type Entry = TextEntry | FileEntry | NoteEntry;
export type Timeline = readonly Entry[];

/** What is not over yet stays, however much comes after it: of that each kind has a bound of its own. */
export function added(timeline: Timeline, entry: Entry): Timeline {
  const all = [...timeline, entry];
  if (all.length <= BOUNDS.entries) return all;
  const oldest = Math.max(0, all.findIndex(isOver));
  return all.filter((_entry, i) => i !== oldest);
}

function isOver(entry: Entry): boolean {
  if (entry.kind === "text") return entry.from === "peer" || (entry.state !== "queued" && entry.state !== "sent");
  return entry.kind === "note" || (entry.state !== "offered" && entry.state !== "moving");
}

/** Unchanged where there is none by this ID, or of another kind. */
export function patched<Kind extends Entry["kind"]>(
  timeline: Timeline,
  kind: Kind,
  id: string,
  change: (entry: Extract<Entry, { kind: Kind }>) => Partial<Extract<Entry, { kind: Kind }>>,
): Timeline {
  return timeline.map((entry) =>
    entry.kind === kind && entry.id === id ? { ...entry, ...change(entry as Extract<Entry, { kind: Kind }>) } : entry,
  );
}

export const found = <Kind extends Entry["kind"]>(
  timeline: Timeline,
  kind: Kind,
  id: string,
): Extract<Entry, { kind: Kind }> | undefined =>
  timeline.find((entry): entry is Extract<Entry, { kind: Kind }> => entry.kind === kind && entry.id === id);

/** With one more at its end, where it is not there already. */
export const withKey = (keys: readonly string[], keyId: string): readonly string[] =>
  keys.includes(keyId) ? keys : [...keys, keyId];
