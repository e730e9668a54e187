/**
 * Stands in for the SiteAgent in the cloud, unchanged: it is told the control addresses of two devices, and at which
 * address the second finds the first. It knows nothing of tunnels either.
 *
 *   node examples/tunnel/site-agent.ts A B A-AS-B-SEES-IT
 */
import { addressOf, Caller, type Message } from "./calls.ts";

async function ask(address: string, request: Message): Promise<Message> {
  const caller = await Caller.to(addressOf(address));
  try {
    return await caller.call(request);
  } finally {
    caller.close();
  }
}

const [one = "", other = "", peer = ""] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`site agent: ${text}\n`);

for (const address of [one, other]) {
  const { name } = await ask(address, { method: "describe" });
  say(`${name} answers at ${address}`);
}
const session = await ask(other, { method: "session", peer });
if (session["error"] === undefined) {
  say(`a session with ${session["with"]}: ${session["rounds"]} rounds in ${session["ms"]} ms`);
  const { answered } = await ask(one, { method: "describe" });
  say(`which counted ${answered}`);
} else {
  say(`the session failed: ${session["error"]}`);
  process.exitCode = 1;
}
