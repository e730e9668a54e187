/** What `npm start` serves, as targets: from its `ports.json` and `tokens.json`. */
import type { Access } from "./reach.ts";
import { native } from "./bindings/native.ts";
import type { Applicant, Others, Target } from "./stage.ts";
import type { SuiteName } from "./suites.ts";

/** The part of `ports.json` that is used. */
export interface Ports {
  readonly edge: string;
  readonly qkdModule?: ByNode;
  readonly etsi004Json?: ByNode;
  readonly etsi004Binary?: ByNode;
  readonly openQkdNetwork?: Readonly<Record<string, { readonly token: string; readonly api: string }>>;
}
type ByNode = Readonly<Record<string, string>>;

export interface RunningTarget {
  readonly suite: SuiteName;
  /** Who answers. */
  readonly by: "edge" | "agent";
  readonly target: Target;
}

/** The demo's applications, and the site's name in the KMS API. */
const A = { sae: "sae-a", node: "tn-1", site: "A" };
const B = { sae: "sae-c", node: "tn-2", site: "B" };
const C = { sae: "sae-a2", node: "tn-1" };
const D = { sae: "sae-c2", node: "tn-2" };

const AT_EDGE = ["native", "client", "websocket", "qkd-module", "qkd-module-0.9"] as const;
const AT_AGENTS = [
  ["qkd-module", "qkdModule"],
  ["qkd-module-0.9", "qkdModule"],
  ["json-tcp", "etsi004Json"],
  ["binary", "etsi004Binary"],
] as const;

/** One for each binding, at the edge and at the agents, that both nodes have. */
export function runningTargets(ports: Ports, tokens: Readonly<Record<string, string>>): readonly RunningTarget[] {
  const atEdge = ({ sae, node }: typeof C): Applicant => {
    const token = tokens[sae];
    return { sae, node, access: { at: ports.edge, ...(token === undefined ? {} : { token }) } };
  };
  // Agents act for one SAE each.
  const others: Others<Applicant> = { binding: native, c: atEdge(C), d: atEdge(D) };
  const targetOf = (a: Applicant, b: Applicant): Target => ({ a, b, others });
  const atAgents = (access: (node: string) => Access | null): Target | null => {
    const [a, b] = [access(A.node), access(B.node)];
    return a === null || b === null ? null : targetOf({ ...named(A), access: a }, { ...named(B), access: b });
  };
  const found: readonly (RunningTarget | null)[] = [
    ...AT_EDGE.map((suite) => ({ suite, by: "edge" as const, target: targetOf(atEdge(A), atEdge(B)) })),
    ...AT_AGENTS.map(([suite, capability]) => {
      const target = atAgents((node) => accessOf(ports[capability]?.[node]));
      return target === null ? null : { suite, by: "agent" as const, target };
    }),
    kmsTarget(ports.openQkdNetwork ?? {}),
  ];
  return found.filter((each) => each !== null);
}

const named = ({ sae, node }: typeof C) => ({ sae, node });
const accessOf = (at: string | undefined): Access | null => (at === undefined ? null : { at });

/** There, a site's name is what callers know of a node. */
function kmsTarget(urls: NonNullable<Ports["openQkdNetwork"]>): RunningTarget | null {
  const applicants = [A, B].flatMap(({ sae, node, site }) => {
    const { token, api } = urls[node] ?? {};
    return token === undefined || api === undefined ? [] : [{ sae, node: site, access: { at: api, tokensAt: token } }];
  });
  const [a, b] = applicants;
  return a === undefined || b === undefined ? null : { suite: "open-qkd-network", by: "agent", target: { a, b } };
}
