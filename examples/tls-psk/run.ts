/**
 * Builds the C program, starts an edge with the demo's sites, and sends a file from site A to site B over TLS with a key that each
 * end gets from the KMS of its own site: by TLS 1.2 with a hint, as tls-kms-demo does, and by TLS 1.3.
 *
 *   node examples/tls-psk/run.ts [--state .qkd/tls-psk] [--file FILE]
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { StartFailure } from "../../scripts/start/failure.ts";
import { runCommand } from "../../scripts/start/main.ts";
import { stopSignal } from "../../scripts/start/stop-signal.ts";
import { endAll } from "../end-all.ts";
import { startEdge } from "../start-edge.ts";
import { build, buildMissing, type Ended, type KmsUrls, type Transfer, transfer, writeKmsConf } from "./program.ts";

const FILE_BYTES = 1024 * 1024;
const SITES = { A: "tn-1", B: "tn-2" } as const;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function tell(name: string, { code, lines, errors }: Ended): void {
  for (const line of [...lines, ...errors]) say(`  ${name.padEnd(8)}  ${line}`);
  if (code !== 0) throw new StartFailure(`the ${name} has failed`);
}

async function sendOnce(plan: Transfer): Promise<void> {
  const { sender, receiver } = await transfer(plan);
  tell("receiver", receiver);
  tell("sender", sender);
  const [from, to] = [plan.sender.file, plan.receiver.file].map((file) => readFileSync(file));
  if (from === undefined || to === undefined || !from.equals(to)) throw new StartFailure("another file has come");
  say(`  the same ${from.length} bytes at both ends`);
}

await runCommand("examples/tls-psk", async () => {
  // Ctrl-C ends the edge, and with that this: not before it.
  stopSignal();
  const options = { state: { type: "string", default: ".qkd/tls-psk" }, file: { type: "string" } } as const;
  const { values } = parseArgs({ options });
  const missing = buildMissing();
  if (missing !== null) throw new StartFailure(missing);
  const state = resolve(values.state);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const program = build(join(state, "build"));
  say(`built ${program}`);
  const edge = startEdge(["--state", state, "--random-ports"]);
  try {
    await edge.ready;
    const { openQkdNetwork: kms } = JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as {
      readonly openQkdNetwork: Readonly<Record<string, KmsUrls>>;
    };
    const conf = (site: keyof typeof SITES): string => {
      const urls = kms[SITES[site]];
      if (urls === undefined) throw new StartFailure(`no agent serves the KMS API at ${SITES[site]}`);
      const file = join(state, `kms-${site}.conf`);
      writeKmsConf(file, urls, site);
      say(`site ${site}: ${file}, ${urls.api} and ${urls.token}`);
      return file;
    };
    const [a, b] = [conf("A"), conf("B")];
    const file = values.file === undefined ? join(state, "sent") : resolve(values.file);
    if (values.file === undefined) writeFileSync(file, randomBytes(FILE_BYTES));
    for (const tls of ["1.2", "1.3"] as const) {
      say(`TLS ${tls}:`);
      const receiver = { conf: b, peer: "A", file: join(state, "received") };
      await sendOnce({ program, tls, sender: { conf: a, peer: "B", file }, receiver });
    }
  } finally {
    await endAll([edge.child]);
  }
  return 0;
});
