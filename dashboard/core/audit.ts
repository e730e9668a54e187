/** Of one record's detail this much is shown. */
const MOST_CHARS = 160;

/** `{keys: 3, peer: "sae-b"}` -> "keys 3 · peer sae-b". */
export function detailInWords(detail: Readonly<Record<string, unknown>>): string {
  const words = Object.entries(detail)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(
      ([name, value]) =>
        `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : String(value as string | number)}`,
    )
    .join(" · ");
  return words.length > MOST_CHARS ? `${words.slice(0, MOST_CHARS - 1)}…` : words;
}
