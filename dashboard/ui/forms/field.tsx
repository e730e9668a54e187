import type { ComponentChildren, JSX } from "preact";
import { cloneElement } from "preact";
import { useId } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly fault?: string | undefined;
  /** The one control. */
  readonly children: JSX.Element;
}

/** A control with its name, what it wants and what is wrong with it. */
export function Field({ label, hint, fault, children }: Props) {
  const id = useId();
  return (
    <div class={`field ${fault === undefined ? "" : "at-fault"}`}>
      <label for={id}>{label}</label>
      {cloneElement(children, { id, "aria-invalid": fault !== undefined, "aria-describedby": `${id}-more` })}
      <p id={`${id}-more`} class={fault === undefined ? "hint" : "fault"}>
        {fault ?? hint}
      </p>
    </div>
  );
}

interface TextProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly disabled?: boolean;
  readonly inputMode?: "decimal" | "numeric";
}

export const Text = ({ value, onValue, ...more }: TextProps) => (
  <input
    type="text"
    autocomplete="off"
    autocapitalize="off"
    spellcheck={false}
    value={value}
    onInput={({ currentTarget }) => onValue(currentTarget.value)}
    {...more}
  />
);

interface ChoiceProps<T extends string> {
  readonly "aria-label"?: string;
  readonly value: T;
  readonly options: readonly T[];
  readonly names?: Readonly<Partial<Record<T, string>>>;
  readonly onValue: (value: T) => void;
}

export const Choice = <T extends string>({ value, options, names, onValue, ...more }: ChoiceProps<T>) => (
  <select value={value} onChange={({ currentTarget }) => onValue(currentTarget.value as T)} {...more}>
    {options.map((option) => (
      <option key={option} value={option}>
        {names?.[option] ?? option}
      </option>
    ))}
  </select>
);
