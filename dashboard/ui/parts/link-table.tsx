import { useState } from "preact/hooks";
import type { MonitorLink } from "../../../shared/api/monitor-schemas.ts";
import { bits, emptyIn, percent, rate } from "../../core/figures.ts";
import { byHealth } from "../../core/health.ts";
import { hashOf } from "../../core/route.ts";
import { useSurroundings } from "../surroundings.ts";
import { Few } from "./few.tsx";
import { HealthMark } from "./health-mark.tsx";
import { LevelBar } from "./level-bar.tsx";
import { Nothing, Panel, Scrolling } from "./panel.tsx";

/** More of them and somebody wants to search. */
const FILTER_FROM = 8;

export function LinkTable() {
  const { view, network } = useSurroundings();
  const [wanted, setWanted] = useState("");
  const links = view.links.toSorted(byHealth).filter(({ id }) => id.includes(wanted.trim()));
  const filter = view.links.length >= FILTER_FROM && (
    <input
      type="search"
      aria-label="Only links with this in their name"
      placeholder="Find a link"
      value={wanted}
      onInput={({ currentTarget }) => setWanted(currentTarget.value)}
    />
  );
  return (
    <Panel
      title="Links"
      class="wide"
      aside={
        <>
          {filter}
          <a class="button" href={hashOf({ page: "configuration" })}>
            Add or change
          </a>
        </>
      }
    >
      {links.length === 0 && network.cut.length === 0 ? (
        <Nothing>{wanted === "" ? "The network has no links." : "No link is called so."}</Nothing>
      ) : (
        <Few items={links} at={50}>
          {(shown) => <Rows links={shown} />}
        </Few>
      )}
      {network.cut.map(({ id }) => (
        <p key={id} class="cut-row">
          <a href={hashOf({ page: "links", id })}>{id}</a> has been cut
        </p>
      ))}
    </Panel>
  );
}

const Rows = ({ links }: { readonly links: readonly MonitorLink[] }) => (
  <Scrolling name="Links">
    <table class="table">
      <thead>
        <tr>
          <th scope="col">Link</th>
          <th scope="col" class="level-column">
            Key in store
          </th>
          <th scope="col" class="number">
            In
          </th>
          <th scope="col" class="number">
            Used
          </th>
          <th scope="col" class="number">
            Empty in
          </th>
          <th scope="col" class="number">
            QBER
          </th>
          <th scope="col">Source</th>
          <th scope="col">State</th>
        </tr>
      </thead>
      <tbody>
        {links.map((link) => (
          <tr key={link.id}>
            <th scope="row">
              <HealthMark health={link.health} />
              <a href={hashOf({ page: "links", id: link.id })}>{link.id}</a>
            </th>
            <td class="level-column">
              <LevelBar link={link} />
              <span class="number">{bits(link.available_bits)}</span>
            </td>
            <td class="number">{rate(link.key_rate_bps)}</td>
            <td class="number">{rate(link.use_rate_bps)}</td>
            <td class="number">{emptyIn(link)}</td>
            <td class="number">{percent(link.qber)}</td>
            <td>{link.source}</td>
            <td class="reasons">{stateOf(link)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scrolling>
);

const stateOf = ({ reasons, alarms, level }: MonitorLink): string => {
  if (reasons.length > 0) return reasons.join("; ");
  return alarms > 0 ? `${alarms} alarm${alarms === 1 ? "" : "s"}` : (level ?? "");
};
