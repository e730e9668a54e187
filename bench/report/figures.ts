/** What `--json` writes: numbers by name, as flat as they can be. */
export type Figures = Readonly<Record<string, number>>;
