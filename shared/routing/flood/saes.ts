/**
 * Where SAEs are, by what nodes announce and the document allows them. A node of another deployment that announces an SAE
 * it may not is alarmed; a hosted one lags behind the document for a moment, and the document is the truth on it.
 */
import type { NodeId, SaeId } from "../../ids.ts";
import type { FloodAlarms } from "./alarms.ts";
import type { FloodNode } from "./types.ts";

export class SaeClaims {
  readonly #alarms: FloodAlarms;
  /** What each node says. */
  readonly #said = new Map<NodeId, readonly SaeId[]>();
  /** Nodes that say it and may: more than one, and it is nowhere. */
  readonly #claims = new Map<SaeId, ReadonlySet<NodeId>>();
  /** What of it counts, where that is not all. */
  #nodes: ReadonlyMap<NodeId, FloodNode> = new Map();

  constructor(alarms: FloodAlarms) {
    this.#alarms = alarms;
  }

  configure(nodes: ReadonlyMap<NodeId, FloodNode>): void {
    const said = [...this.#said].filter(([node]) => !isSame(this.#nodes.get(node), nodes.get(node)));
    for (const [node] of said) this.#release(node);
    this.#nodes = nodes;
    for (const [node, saes] of said) if (nodes.has(node)) this.#claim(node, saes);
  }

  set(node: NodeId, saes: readonly SaeId[]): void {
    const said = this.#said.get(node);
    if (said?.length === saes.length && said.every((sae, i) => sae === saes[i])) return;
    this.#release(node);
    this.#claim(node, saes);
  }

  drop(node: NodeId): void {
    this.#release(node);
    this.#alarms.clear("sae-not-allowed", node);
  }

  nodeOf(sae: SaeId): NodeId | null {
    const claims = this.#claims.get(sae);
    const [node] = claims ?? [];
    return claims?.size === 1 && node !== undefined ? node : null;
  }

  /** Of what a node announces, what counts; the same array where that is all. */
  counting(node: NodeId, saes: readonly SaeId[]): readonly SaeId[] {
    const counting = saes.filter((sae) => this.nodeOf(sae) === node);
    return counting.length === saes.length ? saes : counting;
  }

  #claim(node: NodeId, saes: readonly SaeId[]): void {
    this.#said.set(node, saes);
    const rules = this.#nodes.get(node);
    const allowed = saes.filter((sae) => rules?.saes.has(sae) === true);
    if (allowed.length === saes.length) this.#alarms.clear("sae-not-allowed", node);
    else if (rules?.isHosted === false) {
      const example = saes.find((sae) => !rules.saes.has(sae)) ?? "";
      this.#alarms.raise("sae-not-allowed", node, `${saes.length - allowed.length} SAEs, among them ${example}`);
    }
    for (const sae of allowed) this.#setClaims(sae, new Set(this.#claims.get(sae)).add(node));
  }

  #release(node: NodeId): void {
    for (const sae of this.#said.get(node) ?? []) {
      const claims = this.#claims.get(sae);
      if (claims?.has(node) !== true) continue;
      const rest = new Set(claims);
      rest.delete(node);
      this.#setClaims(sae, rest);
    }
    this.#said.delete(node);
  }

  #setClaims(sae: SaeId, claims: ReadonlySet<NodeId>): void {
    if (claims.size === 0) this.#claims.delete(sae);
    else this.#claims.set(sae, claims);
    if (claims.size > 1) this.#alarms.raise("sae-claimed-twice", sae, `by ${[...claims].sort().join(" and ")}`);
    else this.#alarms.clear("sae-claimed-twice", sae);
  }
}

const isSame = (old: FloodNode | undefined, now: FloodNode | undefined): boolean =>
  old?.isHosted === now?.isHosted &&
  old?.saes.size === now?.saes.size &&
  [...(old?.saes ?? [])].every((sae) => now?.saes.has(sae) === true);
