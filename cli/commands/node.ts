/** `qkd node identity`: what another deployment's operator has to write down of a node of this one. */
import { NodeIdentitySchema } from "../../shared/api/peer-operations.ts";
import { expectShape } from "../lib/answers.ts";
import type { Command } from "../lib/command.ts";
import { type CliFailure, EXIT } from "../lib/failure.ts";
import { hostedElsewhere, type ListedNode, listNodes, nodePath, unknownNode } from "../lib/nodes.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";

export const nodeIdentity: Command = {
  name: "node identity",
  summary: "print a node as another deployment's network document wants it",
  positional: { name: "NODE", min: 1, max: 1 },
  options: {
    "public-url": {
      type: "string",
      value: "<url>",
      help: "where the other deployment reaches this one: https (required)",
    },
    ...COMMON_OPTIONS,
  },
  notes: [
    "Prints JSON for `nodes` there: url, public keys, and the SAEs that the node may announce, which are for you to add.",
    "Hand it over as you would a password's fingerprint: who changes it on the way can speak for the node.",
    "",
    "Example: npm run qkd -- node identity tn-1 --public-url https://edge.example",
  ],
  async run({ args, terminal, api }) {
    const url = args.required("public-url");
    const wanted = args.first();
    const answer = await api().call({ path: `${nodePath(wanted)}/identity`, retry: true, accept: [404] });
    if (answer.status === 404) throw notHere(wanted, await listNodes(api()));
    const { node, ed25519, ml_dsa_65 } = expectShape(NodeIdentitySchema, answer.json);
    const entry = { id: node, remote: { url, ed25519, ml_dsa_65, saes: [] } };
    terminal.line(args.flag("json") ? JSON.stringify(entry) : JSON.stringify(entry, null, 2));
    return EXIT.ok;
  },
};

const notHere = (node: string, known: readonly ListedNode[]): CliFailure =>
  known.some((each) => each.node === node) ? hostedElsewhere(node) : unknownNode(node, known);
