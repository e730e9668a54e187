import { useState } from "preact/hooks";
import type { MonitorLink } from "../../../shared/api/monitor-schemas.ts";
import { alarmsOf } from "../../core/alarms.ts";
import { putLink, removeLink } from "../../core/edits.ts";
import { bits, emptyIn, percent, rate } from "../../core/figures.ts";
import { hashOf } from "../../core/route.ts";
import { LinkForm } from "../forms/link-form.tsx";
import { AlarmList } from "../parts/alarm-list.tsx";
import { History, type Plotted } from "../parts/history.tsx";
import { Icon } from "../parts/icons.tsx";
import { LedgerBar } from "../parts/ledger-bar.tsx";
import { LevelBar } from "../parts/level-bar.tsx";
import { Missing, PageHead } from "../parts/page-head.tsx";
import { Figure, Nothing, Panel } from "../parts/panel.tsx";
import { RelayPanel } from "../parts/relay-list.tsx";
import { Eavesdropper } from "../parts/eavesdropper.tsx";
import { useSurroundings } from "../surroundings.ts";

interface Props {
  readonly id: string;
}

export function LinkPage({ id }: Props) {
  const { view } = useSurroundings();
  const link = view.links.find((each) => each.id === id);
  return link === undefined ? <GoneLink id={id} /> : <PresentLink link={link} />;
}

/** One that was cut can be put back as it was. */
function GoneLink({ id }: Props) {
  const { network, propose } = useSurroundings();
  const cut = network.cut.find((link) => link.id === id);
  if (cut === undefined)
    return (
      <Missing kind="Link" name={id}>
        If it was cut, an older version of the network document has it: go back to that under{" "}
        <a href={hashOf({ page: "configuration" })}>Configure</a>, <i>Versions</i>.
      </Missing>
    );
  return (
    <>
      <PageHead kind="Link" name={id}>
        <button class="primary" type="button" onClick={() => propose(putLink(cut, `Restore link ${id}`))}>
          <Icon name="restore" />
          Restore the link
        </button>
      </PageHead>
      <Panel title="Cut">
        <p class="prose">
          This link between {cut.nodes.join(" and ")} has been taken out of the network. Keys between its nodes, and
          those that went over it, go around where another way leads. Put back, it begins with an empty pool.
        </p>
      </Panel>
    </>
  );
}

function PresentLink({ link }: { readonly link: MonitorLink }) {
  const { view, network, propose } = useSurroundings();
  const [isEdited, setIsEdited] = useState(false);
  const alarms = alarmsOf(view.alarms, ["link"], link.id);
  const entry = network.document?.links.find(({ id }) => id === link.id);
  const relays = view.relays.filter(({ links }) => links.includes(link.id));
  return (
    <>
      <PageHead kind="Link" name={link.id} health={link.health} reasons={link.reasons}>
        {entry !== undefined && (
          <button type="button" aria-expanded={isEdited} onClick={() => setIsEdited(!isEdited)}>
            <Icon name="edit" />
            Edit
          </button>
        )}
        <button type="button" onClick={() => propose(removeLink(link.id, "Cut"))}>
          <Icon name="cut" />
          Cut the link
        </button>
      </PageHead>
      {isEdited && entry !== undefined && <LinkForm link={entry} onDone={() => setIsEdited(false)} />}
      <dl class="figures strip" aria-label="The link in figures">
        <Figure name="Key in store" note={<LevelBar link={link} />}>
          {bits(link.available_bits)}
        </Figure>
        <Figure name="Key in">{rate(link.key_rate_bps)}</Figure>
        <Figure name="Key used">{rate(link.use_rate_bps)}</Figure>
        <Figure name="Empty in">{emptyIn(link)}</Figure>
        <Figure name="QBER">{percent(link.qber)}</Figure>
        <Figure name="Source" note={sourceNote(link)}>
          {link.source}
        </Figure>
      </dl>
      <History of={`link:${link.id}`} plots={plotsOf(link)} />
      <div class="columns">
        <Panel title="Where its bits are" aside={<Conserved link={link} />}>
          {link.ledger_bits === null ? (
            <Nothing>Its pool does not answer.</Nothing>
          ) : (
            <LedgerBar ledger={link.ledger_bits} />
          )}
        </Panel>
        <Panel title="Ends">
          <ul class="plain">
            {link.nodes.map((node) => (
              <li key={node}>
                <a href={hashOf({ page: "nodes", id: node })}>{node}</a>
              </li>
            ))}
            <li class="quiet">
              {link.relays_may_use === null
                ? "Whether relays may use it is not known"
                : link.relays_may_use
                  ? "Relays may use it"
                  : "Relays may not use it now"}
            </li>
          </ul>
        </Panel>
        <Panel title="Alarms">{alarms.length === 0 ? <Nothing>None.</Nothing> : <AlarmList alarms={alarms} />}</Panel>
        <RelayPanel title="Relays over it" relays={relays} most={8} />
        {entry?.module !== undefined && entry.source === "bb84" && <Eavesdropper link={entry} module={entry.module} />}
      </div>
    </>
  );
}

const sourceNote = ({ simulated, module_state: state }: MonitorLink): string | undefined =>
  [simulated === true ? "simulated" : null, state === null ? null : `module ${state}`]
    .filter((word) => word !== null)
    .join(", ") || undefined;

const Conserved = ({ link: { conserved } }: { readonly link: MonitorLink }) =>
  conserved === null ? null : (
    <span class={conserved ? "quiet" : "fault"}>{conserved ? "adds up" : "does not add up"}</span>
  );

function plotsOf(link: MonitorLink): readonly Plotted[] {
  const marks = [
    { name: "low", value: link.low_bits },
    { name: "high", value: link.high_bits },
  ].flatMap(({ name, value }) => (value === null ? [] : [{ name, value }]));
  return [
    { title: "Key in store", figures: [{ name: "in store", figure: "available_bits" }], inWords: bits, marks },
    {
      title: "Key rate",
      figures: [
        { name: "in", figure: "key_rate_bps" },
        { name: "used", figure: "use_rate_bps" },
      ],
      inWords: rate,
    },
    ...(link.qber === null
      ? []
      : [{ title: "QBER", figures: [{ name: "QBER", figure: "qber" }], inWords: percent } satisfies Plotted]),
  ];
}
