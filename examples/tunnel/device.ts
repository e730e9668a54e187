/**
 * Stands in for a QKD device with a control port: it can be asked who it is, be told to run a session with another
 * device, and answers the other device's part of one. It knows nothing of tunnels.
 *
 *   node examples/tunnel/device.ts NAME
 */
import { addressOf, Caller, type Handler, type Message, serveCalls, textOf } from "./calls.ts";

/** Messages of a session: as sifting and error correction go back and forth. */
const ROUNDS = 100;
const name = process.argv[2] ?? "device";
let answered = 0;

async function runSession(peer: string): Promise<Message> {
  const other = await Caller.to(addressOf(peer));
  try {
    const { name: with_ = "?" } = await other.call({ method: "describe" });
    const began = performance.now();
    for (let round = 1; round <= ROUNDS; round++) {
      const { round: echoed } = await other.call({ method: "round", round });
      if (echoed !== round) throw new Error(`round ${round} came back as ${echoed}`);
    }
    return { with: with_, rounds: ROUNDS, ms: Math.round(performance.now() - began) };
  } finally {
    other.close();
  }
}

const METHODS: Readonly<Record<string, Handler>> = {
  describe: () => ({ name, answered }),
  round: ({ round = 0 }) => {
    answered++;
    return { round };
  },
  session: async ({ peer = "" }) =>
    await runSession(String(peer)).catch((error: unknown) => ({
      error: `${String(peer)}: ${error instanceof Error ? error.message : String(error)}`,
    })),
};

const { server, address } = await serveCalls(
  "127.0.0.1",
  (request) => METHODS[String(request["method"])]?.(request) ?? { error: "no such method" },
);
process.once("SIGTERM", () => {
  server.close();
  process.exit(0);
});
process.stdout.write(`${textOf(address)}\n`);
