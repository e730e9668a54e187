/** Values of arguments that both benches take. Pure. All throw an Error with one line for the user. */

/** A whole number from 1 to `max`. */
export function wholeNumber(name: string, text: string, max: number): number {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw new Error(`${name} takes whole numbers from 1 to ${max}, not "${text}"`);
  return value;
}

/** What `--only` names, in the order of `parts`. */
export function partsOf<Part extends string>(text: string, parts: readonly Part[]): Part[] {
  const wanted = text.split(",");
  const unknown = wanted.find((name) => !(parts as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--only takes some of ${parts.join(",")}, not "${unknown}"`);
  return parts.filter((part) => wanted.includes(part));
}
