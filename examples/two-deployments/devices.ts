/**
 * Stands for the two QKD devices of the link tn-2 - tn-3: makes key, and pushes each end's copy to the deployment that
 * hosts that end. Run by start.ts.
 *
 *   node devices.ts EDGE TOKENS_FILE EDGE TOKENS_FILE
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { stopSignal } from "../../scripts/start/stop-signal.ts";
import { SPANNING } from "./documents.ts";

const BLOCK_BYTES = 64 * 1024;
const PAUSE_MS = 500;
/** Of a pool that is full, or an edge that is away. */
const RETRY_MS = 1000;

interface End {
  readonly node: string;
  readonly edge: string;
  readonly token: string;
}

function endOf(node: string, edge = "", tokens = ""): End {
  const { operator: token = "" } = JSON.parse(readFileSync(tokens, "utf8")) as Record<string, string>;
  return { node, edge, token };
}

/** Until it is taken, or was before. */
async function push({ node, edge, token }: End, block: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const url = `${edge}/api/v1/links/${SPANNING.id}/blocks/${encodeURIComponent(block)}?node=${node}`;
  while (!stop.aborted) {
    try {
      const response = await fetch(url, { method: "PUT", headers: { Authorization: `Bearer ${token}` }, body });
      await response.arrayBuffer();
      if (response.ok) return;
    } catch {
      // Its edge is away.
    }
    await sleep(RETRY_MS, null, { signal: stop }).catch(() => null);
  }
}

const stop = stopSignal();
const [edgeOne, tokensOne, edgeTwo, tokensTwo] = process.argv.slice(2);
const ends = [endOf("tn-2", edgeOne, tokensOne), endOf("tn-3", edgeTwo, tokensTwo)];
const file = `run-${Date.now()}.bin`;
for (let offset = 0; !stop.aborted; offset += BLOCK_BYTES) {
  const key = new Uint8Array(randomBytes(BLOCK_BYTES));
  await Promise.all(ends.map((end) => push(end, `${file}:${offset}`, key)));
  key.fill(0);
  await sleep(PAUSE_MS, null, { signal: stop }).catch(() => null);
}
