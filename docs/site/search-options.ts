/** How the documentation is searched: the same where the index is made and where it is looked in. */
import type { Options } from "minisearch";

export interface Entry {
  /** Its address. */
  readonly id: string;
  /** Of the page; of the passage. */
  readonly title: string;
  readonly heading: string;
  readonly text: string;
}

export const SEARCH_OPTIONS: Options<Entry> = {
  fields: ["title", "heading", "text"],
  storeFields: ["title", "heading"],
  searchOptions: { boost: { title: 3, heading: 2 }, prefix: true, fuzzy: 0.15, combineWith: "AND" },
};
