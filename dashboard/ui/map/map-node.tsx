import type { MonitorNode, MonitorSite } from "../../../shared/api/monitor-schemas.ts";
import { HEALTH } from "../../core/health.ts";
import type { Point } from "../../core/layout.ts";
import { hashOf } from "../../core/route.ts";
import { agentWord } from "../../core/sites.ts";

interface Props {
  readonly node: MonitorNode;
  readonly site: MonitorSite | null;
  readonly at: Point | undefined;
  /** Is there room for a second line? */
  readonly isRoomy: boolean;
}

export function MapNode({ node, site, at, isRoomy }: Props) {
  if (at === undefined) return null;
  const agent = site === null ? null : agentWord(site);
  const words = [
    `Node ${node.id}: ${HEALTH[node.health].word}`,
    ...node.reasons,
    node.hosted ? "hosted here" : "hosted elsewhere",
    ...(agent === null ? [] : [agent]),
  ].join(", ");
  return (
    <g
      class={`map-node ${node.health} ${node.hosted ? "" : "remote"}`}
      transform={`translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`}
    >
      <a href={hashOf({ page: "nodes", id: node.id })} aria-label={words} data-node={node.id} draggable={false}>
        <title>{words}</title>
        {node.hosted ? (
          <circle class="body" r="17" />
        ) : (
          <rect class="body" x="-16" y="-16" width="32" height="32" rx="7" />
        )}
        <path class="glyph" d={HEALTH[node.health].glyph} transform="scale(1.15)" />
      </a>
      <g class="words" aria-hidden="true">
        {node.alarms > 0 && (
          <g class="count" transform="translate(15 -15)">
            <circle r="9" />
            <text y="3.5">{Math.min(99, node.alarms)}</text>
          </g>
        )}
        <text class="name" y="35">
          {node.id}
        </text>
        {isRoomy && (
          <text class="more" y="50">
            {node.hosted ? `${node.saes} SAE${node.saes === 1 ? "" : "s"}` : "elsewhere"}
            {agent !== null && ` · ${agent}`}
          </text>
        )}
      </g>
    </g>
  );
}
