/** Routes on epochs: which key protects new material, and when those before it go. */
import { json, type Operation } from "./operation.ts";
import { EpochSchema, EpochsSchema } from "./schemas.ts";

export const EPOCHS = {
  getEpochs: {
    method: "get",
    path: "/api/v1/epochs",
    tag: "Epochs",
    summary: "Tell the epoch in force, and which keys are there",
    description:
      "A key goes when no pool needs it any more; where keys are secrets of the deployment, an operator removes those listed as removable.",
    action: "epochs.read",
    responses: { 200: json("The epochs", EpochsSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/epochs",
  },
  postEpochsRoll: {
    method: "post",
    path: "/api/v1/epochs/roll",
    tag: "Epochs",
    summary: "Begin the next epoch now",
    description:
      "New material is sealed under a new key, what the pools hold is brought over to it, then the old key is destroyed: getEpochs tells how far that is. A conflict where keys are secrets and the next one is not set, or where too many keys are kept for pools that lag.",
    action: "epochs.write",
    responses: { 200: json("The epoch in force from now on", EpochSchema) },
    errors: ["forbidden", "conflict"],
    curl: "/api/v1/epochs/roll -X POST",
  },
} as const satisfies Record<string, Operation>;
