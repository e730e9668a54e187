/** One thing that was looked at: how it is, in one line. */
export interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

export const good = (text: string): Finding => ({ ok: true, text });
export const bad = (text: string): Finding => ({ ok: false, text });

export const lineOf = ({ ok, text }: Finding): string => `${ok ? "ok    " : "FAILED"}  ${text}`;
