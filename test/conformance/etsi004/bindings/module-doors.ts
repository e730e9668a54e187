/** Where qkd-module's calls are served. */
import type { RunningNetwork } from "../../../support/run-network.ts";
import type { Party } from "../application.ts";

export interface DoorAnswer {
  readonly http: number;
  readonly text: string;
}

/** @param body null: GET */
export type Door = (path: string, body: string | null) => Promise<DoorAnswer>;
export type Reach = (network: RunningNetwork, self: Party) => Door;

const init = (body: string | null): RequestInit => (body === null ? {} : { method: "POST", body });
const answerOf = async (response: Response): Promise<DoorAnswer> => ({
  http: response.status,
  text: await response.text(),
});

export const atEdge: Reach =
  (network, { sae }) =>
  async (path, body) =>
    await answerOf(await network.fetch(path, sae, init(body)));

export const atAgent: Reach =
  (network, { node }) =>
  async (path, body) =>
    await answerOf(await fetch(`${network.local.qkdModule?.[node]}${path}`, init(body)));
