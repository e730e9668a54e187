import type { ComponentChildren } from "preact";
import { Scrolling } from "./panel.tsx";

interface Props {
  readonly name: string;
  /** Of figures, with a # before their names. */
  readonly columns: readonly string[];
  /** The first cell is what the row is of. */
  readonly rows: readonly { readonly id: string; readonly cells: readonly ComponentChildren[] }[];
}

export function DataTable({ name, columns, rows }: Props) {
  const kinds = columns.map((column) => (column.startsWith("#") ? "number" : ""));
  return (
    <Scrolling name={name}>
      <table class="table">
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={column} scope="col" class={kinds[at]}>
                {column.replace("#", "")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, cells: [first, ...others] }) => (
            <tr key={id}>
              <th scope="row">{first}</th>
              {others.map((cell, at) => (
                <td key={at} class={kinds[at + 1]}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}
