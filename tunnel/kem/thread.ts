/** A thread for mechanisms that compute for longer than the agent may stand still. */
import { parentPort } from "node:worker_threads";
import { LIMITS } from "../../shared/limits.ts";
import { Instances } from "../../shared/kem/instances.ts";
import { messageOf } from "../log.ts";
import type { FromThread, ToThread } from "./messages.ts";
import { openKem } from "./open-kem.ts";
import { type Operation, perform, wipeSecrets } from "./operations.ts";

if (parentPort === null) throw new Error("is to be run as a thread of the agent");
const agent = parentPort;
const instances = new Instances(LIMITS.kemInstances, openKem);

/** Its bytes are the agent's from then on: no copy of them stays behind. */
const tell = (message: FromThread, bytes: readonly Uint8Array[] = []): void =>
  agent.postMessage(
    message,
    bytes.map(({ buffer }) => buffer as ArrayBuffer),
  );

async function answer(operation: Operation): Promise<void> {
  try {
    const outcome = await instances.use(operation.name, (kem) => perform(kem, operation));
    tell({ kind: "performed", outcome }, outcome.ok ? outcome.value : []);
  } catch (error) {
    tell({ kind: "failed", reason: messageOf(error) });
  } finally {
    wipeSecrets(operation);
  }
}

agent.on("message", (message: ToThread) => {
  if (message.kind === "perform") void answer(message.operation);
  else {
    instances.close();
    agent.close();
  }
});
