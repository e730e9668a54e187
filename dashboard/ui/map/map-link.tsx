import type { MonitorLink } from "../../../shared/api/monitor-schemas.ts";
import type { LinkEntry } from "../../../shared/network/document.ts";
import { bits, percent, rate } from "../../core/figures.ts";
import { HEALTH } from "../../core/health.ts";
import type { Places, Point } from "../../core/layout.ts";
import { labelAt, levelOf, saidOf, towards, widthOf } from "../../core/map.ts";
import { hashOf } from "../../core/route.ts";

/** Pixels from a node's middle to where its links begin. */
export const NODE_PX = 20;
const LABEL = { width: 90, height: 34, bar: 72 } as const;
/** Labels stand where there is room beside the nodes. */
const LABEL_NEEDS_PX = LABEL.width + 2 * NODE_PX + 8;

interface Line {
  readonly from: Point;
  readonly to: Point;
  readonly label: Point;
  readonly lengthPx: number;
}

function lineOf(drawn: Places, [a, b]: readonly [string, string]): Line | null {
  const [from, to] = [drawn[a], drawn[b]];
  if (from === undefined || to === undefined) return null;
  return {
    from: towards(from, to, NODE_PX),
    to: towards(to, from, NODE_PX),
    label: labelAt(from, to),
    lengthPx: Math.hypot(to.x - from.x, to.y - from.y),
  };
}

const d = ({ from, to }: Line): string =>
  `M${from.x.toFixed(1)} ${from.y.toFixed(1)}L${to.x.toFixed(1)} ${to.y.toFixed(1)}`;

interface Props {
  readonly link: MonitorLink;
  readonly drawn: Places;
}

export function MapLink({ link, drawn }: Props) {
  const line = lineOf(drawn, link.nodes);
  if (line === null) return null;
  const words = [
    `Link ${link.id}: ${HEALTH[link.health].word}`,
    ...link.reasons,
    `${bits(link.available_bits)} in store`,
    `${rate(link.key_rate_bps)} in`,
  ].join(", ");
  const path = d(line);
  return (
    <a
      class={`map-link ${link.health}`}
      href={hashOf({ page: "links", id: link.id })}
      aria-label={words}
      draggable={false}
    >
      <title>{words}</title>
      <path class="reach" d={path} />
      <path class="line" d={path} stroke-width={widthOf(link.key_rate_bps)} />
    </a>
  );
}

/** Over the relays, so that these run below it. The line is what the keyboard and readers meet. */
export function MapLinkLabel({ link, drawn }: Props) {
  const line = lineOf(drawn, link.nodes);
  if (line === null) return null;
  return (
    <a
      class={`map-link ${link.health}`}
      href={hashOf({ page: "links", id: link.id })}
      tabindex={-1}
      aria-hidden="true"
      draggable={false}
    >
      {line.lengthPx > LABEL_NEEDS_PX ? <Label link={link} at={line.label} /> : <Mark link={link} at={line.label} />}
    </a>
  );
}

/** Rate, or what is wrong; the pool's level. */
function Label({ link, at: { x, y } }: { readonly link: MonitorLink; readonly at: Point }) {
  const { filled, low, high } = levelOf(link);
  const left = -LABEL.bar / 2;
  return (
    <g class="map-label" transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}>
      <rect class="card" x={-LABEL.width / 2} y={-LABEL.height / 2} width={LABEL.width} height={LABEL.height} rx="6" />
      {link.health !== "ok" && (
        <path class="glyph" d={HEALTH[link.health].glyph} transform={`translate(${left + 5} -6)`} />
      )}
      <text x={link.health === "ok" ? left : left + 15} y="-2">
        {saidOf(link)}
      </text>
      <rect class="bar" x={left} y="5" width={LABEL.bar} height="4" rx="1" />
      <rect
        class={`filled ${link.level ?? "unknown"}`}
        x={left}
        y="5"
        width={LABEL.bar * (filled ?? 0)}
        height="4"
        rx="1"
      />
      {[low, high].map(
        (tick) => tick !== null && <path key={tick} class="tick" d={`M${(left + LABEL.bar * tick).toFixed(1)} 3v8`} />,
      )}
      {link.qber !== null && (
        <text class="qber middle" y={LABEL.height / 2 + 12}>
          QBER {percent(link.qber)}
        </text>
      )}
    </g>
  );
}

/** Where there is no room for more. */
const Mark = ({ link, at: { x, y } }: { readonly link: MonitorLink; readonly at: Point }) =>
  link.health === "ok" ? null : (
    <path class="glyph" d={HEALTH[link.health].glyph} transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`} />
  );

/** One that was there before. */
export function CutLink({ link, drawn }: { readonly link: LinkEntry; readonly drawn: Places }) {
  const line = lineOf(drawn, link.nodes);
  if (line === null) return null;
  const words = `Link ${link.id} has been cut`;
  return (
    <a class="map-link cut" href={hashOf({ page: "links", id: link.id })} aria-label={words} draggable={false}>
      <title>{words}</title>
      <path class="reach" d={d(line)} />
      <path class="line" d={d(line)} stroke-width="2" />
      <g class="map-label" transform={`translate(${line.label.x.toFixed(1)} ${line.label.y.toFixed(1)})`}>
        <rect class="card" x="-22" y="-11" width="44" height="22" rx="6" />
        <text class="middle" y="4">
          cut
        </text>
      </g>
    </a>
  );
}
