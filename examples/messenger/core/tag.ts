/** What a message on its way is to the page: told when it is sent, when it has arrived, or that its receiver is gone. */
export type Tag =
  | { readonly kind: "text"; readonly id: string }
  | { readonly kind: "file"; readonly id: string; readonly part: "offer" | "word" }
  /** All of the file up to here. */
  | { readonly kind: "file"; readonly id: string; readonly part: "chunk"; readonly endBytes: number }
  | { readonly kind: "other" };

export const OTHER: Tag = { kind: "other" };

/** A text or a file: after so many of them the key is changed. */
export const isMessage = (tag: Tag): boolean => tag.kind === "text" || (tag.kind === "file" && tag.part === "offer");
