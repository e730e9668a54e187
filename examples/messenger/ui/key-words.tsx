import { shortKeyId } from "../core/key-id.ts";
import { rowOf } from "../core/key-book.ts";
import type { State } from "../core/state.ts";
import { hopsInWords } from "../core/way.ts";
import { Icon } from "./icons.tsx";

interface Props {
  readonly state: Pick<State, "book">;
  readonly keyId: string | null;
  readonly isPad?: boolean;
  /** How many others there were besides. */
  readonly more?: number;
}

/** Which key protects it, and over how many hops that came. */
export function KeyWords({ state, keyId, isPad = false, more = 0 }: Props) {
  if (keyId === null) return null;
  const way = rowOf(state.book, keyId)?.way ?? null;
  const hops = way === null ? null : hopsInWords({ hops: way.hops, nodes: [] });
  const title = `Key ${keyId}${way === null ? "" : `, ${hopsInWords(way)}`}`;
  return (
    <span class="key-words" title={title}>
      <Icon name={isPad ? "pad" : "key"} />
      <span class="unseen">{isPad ? "one-time pad " : "key "}</span>
      <code>{shortKeyId(keyId)}</code>
      {more > 0 && ` and ${more} more`}
      {hops !== null && ` · ${hops}`}
    </span>
  );
}
