/**
 * The demo network: a chain of four trusted nodes,
 * `tn-1` (sae-a, sae-a2) - `tn-2` (sae-c, sae-c2) - `tn-3` - `tn-4` (sae-b), with three simulated links.
 */
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";

const NODES = [
  { id: "tn-1", letter: "a", saes: ["sae-a", "sae-a2"] },
  { id: "tn-2", letter: "b", saes: ["sae-c", "sae-c2"] },
  { id: "tn-3", letter: "c", saes: [] },
  { id: "tn-4", letter: "d", saes: ["sae-b"] },
] as const;
const KEY_RATE_BPS = 1_000_000;
const OPERATOR = "operator";
const agentOf = (node: string): string => `agent-${node}`;

/** Bearer tokens by principal name, as in `tokens.json`. */
export type Tokens = Readonly<Record<string, string>>;

/** Everyone in the demo who has a token. */
export const DEMO_TOKEN_NAMES: readonly string[] = [
  ...NODES.flatMap(({ saes }) => [...saes]),
  ...NODES.map(({ id }) => agentOf(id)),
  OPERATOR,
];

/** `aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa` and so on, as in the hybridization module's example. */
const uuidOf = (letter: string): string => [8, 4, 4, 4, 12].map((digits) => letter.repeat(digits)).join("-");

/** @throws Error when a principal has no token */
export function demoNetwork(tokens: Tokens): NetworkDocumentInput {
  const tokenOf = (name: string) => {
    const token = tokens[name];
    if (token === undefined) throw new Error(`no token for ${name}`);
    return { type: "token", sha256: tokenSha256(token) } as const;
  };
  return {
    name: "qkd-edge demo",
    nodes: NODES.map(({ id, letter }) => ({
      id,
      uuid: uuidOf(letter),
      site: `site-${letter}`,
      kms_site_id: letter.toUpperCase(),
    })),
    links: NODES.slice(1).map(({ id }, before) => {
      const previous = NODES[before]?.id ?? id;
      return {
        id: `${previous}-${id}`,
        nodes: [previous, id],
        source: "simulated",
        // The pool's own generator speaks for both ends. Files pushed into the demo need no second end either.
        feed: "one-ended",
        health: "reject",
        key_rate_bps: KEY_RATE_BPS,
      };
    }),
    saes: NODES.flatMap(({ id: node, saes }) =>
      saes.map((id) => ({
        id,
        node,
        credentials: [{ type: "certificate", match: "cn", value: id } as const, tokenOf(id)],
      })),
    ),
    agents: NODES.map(({ id, letter }) => ({
      id: agentOf(id),
      site: `site-${letter}`,
      credentials: [tokenOf(agentOf(id))],
    })),
    operators: [{ id: OPERATOR, credentials: [tokenOf(OPERATOR)] }],
  };
}
