/** Names as people count: `tn-2` before `tn-10`. */
const NAMES = new Intl.Collator("en", { numeric: true });

export const byName = (a: string, b: string): number => NAMES.compare(a, b);
export const byId = (a: { readonly id: string }, b: { readonly id: string }): number => byName(a.id, b.id);
