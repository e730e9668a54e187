/** Routes by which the two ends of a link hand over how a QKD device names its keys. */
import { LIMITS } from "../limits.ts";
import { link } from "./link-operations.ts";
import { EXAMPLE_KEY_ID, json, jsonRequest, type Operation } from "./operation.ts";
import { AwaitedBlocksSchema, BlockKeyIdsSchema, KeyIdsOutcomeSchema } from "./schemas.ts";

export const HAND_OVER = {
  putBlockKeyIds: {
    method: "put",
    path: "/api/v1/links/{link}/blocks/{block}/key-ids",
    tag: "Links",
    summary: "Tell of which device keys a block is made",
    description:
      "For devices that speak ETSI GS QKD 014: one end has pushed a block of concatenated keys, the other end needs their IDs to fetch the same keys. IDs are no secrets. Idempotent; other IDs for the same block are a conflict.",
    action: "blocks.push",
    pathParameters: { ...link, block: "Block id: the first of the key IDs." },
    query: { node: { type: "string", required: true, description: "The end of the link that has pushed the block." } },
    request: jsonRequest("The key IDs, in the order of the keys", BlockKeyIdsSchema, {
      required: true,
      example: { key_ids: [EXAMPLE_KEY_ID] },
    }),
    responses: { 200: json("Kept while the block waits for its twin", KeyIdsOutcomeSchema) },
    errors: ["forbidden", "not-found", "conflict", "body-too-large"],
    curl: `"/api/v1/links/tn-1-tn-2/blocks/${EXAMPLE_KEY_ID}/key-ids?node=tn-1" -X PUT -d '{"key_ids":["${EXAMPLE_KEY_ID}"]}'`,
  },
  getAwaitedBlocks: {
    method: "get",
    path: "/api/v1/links/{link}/blocks",
    tag: "Links",
    summary: "List the blocks that wait for one end, with their key IDs",
    description: "Oldest first. Blocks whose key IDs nobody has told are left out.",
    action: "blocks.push",
    pathParameters: link,
    query: {
      awaiting: { type: "string", required: true, description: "The end of the link that has not pushed them yet." },
      after: { type: "integer", description: "Read on after this number." },
      limit: {
        type: "integer",
        description: `At most so many blocks, 1 to ${LIMITS.awaitedBlocks}; fewer where they have many key IDs.`,
      },
    },
    responses: { 200: json("A page of blocks", AwaitedBlocksSchema) },
    errors: ["forbidden", "not-found"],
    curl: '"/api/v1/links/tn-1-tn-2/blocks?awaiting=tn-2"',
  },
} as const satisfies Record<string, Operation>;
