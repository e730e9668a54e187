import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  readonly title: string;
  /** Beside the title: a count, a button. */
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Panel({ title, aside, class: more = "", children }: Props) {
  const id = useId();
  return (
    <section class={`panel ${more}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** A figure and what it is of. */
export const Figure = ({
  name,
  children,
  note,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
  readonly note?: ComponentChildren;
}) => (
  <div class="figure">
    <dt>{name}</dt>
    <dd>
      <span class="value">{children}</span>
      {note !== undefined && <span class="note">{note}</span>}
    </dd>
  </div>
);

export const Nothing = ({ children }: { readonly children: ComponentChildren }) => <p class="nothing">{children}</p>;

/** Rows of a table that may be wider than the window: it scrolls by itself, and by keyboard. */
export const Scrolling = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  // Or the keyboard could not scroll it
  <div class="scrolling" role="group" aria-label={name} tabindex={0}>
    {children}
  </div>
);
