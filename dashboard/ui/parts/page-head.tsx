import type { ComponentChildren } from "preact";
import type { Health } from "../../../shared/api/monitor-schemas.ts";
import { hashOf } from "../../core/route.ts";
import { HealthMark } from "./health-mark.tsx";
import { Icon } from "./icons.tsx";

interface Props {
  readonly kind: string;
  readonly name: string;
  readonly health?: Health;
  readonly reasons?: readonly string[];
  readonly children?: ComponentChildren;
}

/** What a page is of, how it does and why, and what can be done. */
export const PageHead = ({ kind, name, health, reasons = [], children }: Props) => (
  <header class="page-head">
    <a class="back" href={hashOf({ page: "network" })}>
      <Icon name="back" />
      Network
    </a>
    <div class="page-title">
      <h1>
        <span class="kind">{kind}</span> {name}
      </h1>
      {health !== undefined && <HealthMark health={health} isWordShown />}
      <div class="actions">{children}</div>
    </div>
    {reasons.length > 0 && (
      <ul class="reasons-list">
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    )}
  </header>
);

/** @param children what may help */
export const Missing = ({ kind, name, children }: Pick<Props, "kind" | "name" | "children">) => (
  <>
    <PageHead kind={kind} name={name} />
    <p class="nothing">The network has none of this name, or not any more. {children}</p>
  </>
);
