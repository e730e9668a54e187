/** Key containers (ETSI GS QKD 014 clause 6.3) as the load tool looks at them. Pure. */

export interface Key {
  readonly key_ID: string;
  readonly key: string;
}

const ID_MEMBER = '"key_ID":"';
const ID_CHARS = 36;

/** Cut out by position: parsing the whole container would measure this tool. */
export function keyIdsOf(container: string): string[] {
  const ids: string[] = [];
  for (let at = container.indexOf(ID_MEMBER); at !== -1; at = container.indexOf(ID_MEMBER, at + ID_CHARS)) {
    ids.push(container.slice(at + ID_MEMBER.length, at + ID_MEMBER.length + ID_CHARS));
  }
  return ids;
}

export const keysOf = (container: string): readonly Key[] =>
  (JSON.parse(container) as { readonly keys: readonly Key[] }).keys;

/** The same keys under the same IDs, in whatever order. */
export function sameKeys(one: string, other: string): boolean {
  if (one === other) return true;
  const [ours, theirs] = [one, other].map(
    (container) => new Map(keysOf(container).map(({ key_ID, key }) => [key_ID, key])),
  );
  return ours?.size === theirs?.size && [...(ours ?? [])].every(([id, key]) => theirs?.get(id) === key);
}
