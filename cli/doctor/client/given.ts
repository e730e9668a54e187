/** What the command line gives to the cases of a client under test: how it is run, and what it shall trust. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Args, OptionTable } from "../../lib/args.ts";
import { CliFailure } from "../../lib/failure.ts";
import { readText, type Surroundings } from "../../lib/settings.ts";
import type { Terminal } from "../../lib/terminal.ts";
import type { Drive, Place } from "./ask.ts";
import { whenInterrupted } from "../run-by-shell.ts";
import { clientByHand, setupLines, typedLine } from "./by-hand.ts";
import { clientByShell } from "./by-shell.ts";
import { type Certificates, certificatesFor, type GivenAuthority } from "./certificates.ts";
import { FakeKme } from "./fake-kme.ts";
import type { Trial } from "./stage.ts";

const TIMEOUT_SECONDS = { byShell: 60, byHand: 600 } as const;
const MAX_SECONDS = 24 * 3600;
const HOST = "127.0.0.1";
const SAE = "client-under-test";

const text = (value: string, help: string) => ({ type: "string", value, help }) as const;

export const GIVEN_OPTIONS = {
  run: text(
    "<command>",
    "what has the client make one call; run by the shell for each. Without it you are told what to do",
  ),
  timeout: text("<seconds>", `of one call (default ${TIMEOUT_SECONDS.byShell}, by hand ${TIMEOUT_SECONDS.byHand})`),
  sae: text("<id>", `the client's SAE ID, and its certificate's CN (default ${SAE})`),
  host: text("<name>", `where the KME listens and what its certificate is for (default ${HOST})`),
  port: text("<port>", "its port (default a free one)"),
  ca: text("<file>", "PEM: an authority that the client trusts already (default one that is made for the trial)"),
  "ca-key": text("<file>", "PEM: its key"),
  "client-ca": text("<file>", "PEM: the authority of a certificate that the client has already"),
} as const satisfies OptionTable;

/** What `work` is done with; what was set up for it goes afterwards. @throws CliFailure naming the option that is wrong */
export async function withTrial<T>(
  args: Args,
  terminal: Terminal,
  around: Surroundings,
  work: (trial: Trial) => Promise<T>,
): Promise<T> {
  const pem = (name: string): string | undefined => {
    const file = args.text(name);
    return file === undefined ? undefined : readText(path.resolve(around.cwd, file));
  };
  const [host, sae] = [args.text("host") ?? HOST, args.text("sae") ?? SAE];
  const port = args.wholeNumber("port", 1, 65_535) ?? 0;
  const command = args.text("run");
  const usual = command === undefined ? TIMEOUT_SECONDS.byHand : TIMEOUT_SECONDS.byShell;
  const timeoutMs = (args.wholeNumber("timeout", 1, MAX_SECONDS) ?? usual) * 1000;
  if (command === undefined && around.readLine === undefined && !process.stdin.isTTY) {
    throw new CliFailure("--run is required where nobody can be asked", "or start it in a terminal");
  }
  const clientCa = pem("client-ca");
  const certificates = await issued(host, sae, authorityBy(pem));
  const kme = await listening(certificates, host, port, clientCa);
  const folder = mkdtempSync(path.join(tmpdir(), "qkd-doctor-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const forget = whenInterrupted(remove);
  try {
    const place = { url: kme.url, sae, ...filesIn(folder, certificates) };
    return await work({ kme, sae, timeoutMs, drive: driveBy(command, place, terminal, around) });
  } finally {
    forget();
    remove();
    await kme.stop();
  }
}

function driveBy(
  command: string | undefined,
  place: Place,
  terminal: Terminal,
  { cwd, env, readLine }: Surroundings,
): Drive {
  if (command !== undefined) return clientByShell(command, place, cwd, env);
  for (const line of setupLines(place)) terminal.note(line);
  return clientByHand(terminal, readLine ?? typedLine);
}

function authorityBy(pem: (name: string) => string | undefined): GivenAuthority | undefined {
  const [ca, key] = [pem("ca"), pem("ca-key")];
  if (ca === undefined && key === undefined) return undefined;
  if (ca === undefined || key === undefined) throw new CliFailure("--ca and --ca-key go together");
  return { ca, key };
}

const issued = async (host: string, sae: string, given: GivenAuthority | undefined): Promise<Certificates> =>
  await certificatesFor(host, sae, given).catch((error: unknown) => {
    throw new CliFailure(`no certificates can be made: ${error instanceof Error ? error.message : String(error)}`);
  });

const listening = async (
  certificates: Certificates,
  host: string,
  port: number,
  clientCa: string | undefined,
): Promise<FakeKme> =>
  await FakeKme.start({ certificates, host, port, clientCas: clientCa === undefined ? [] : [clientCa] }).catch(
    (error: unknown) => {
      throw new CliFailure(`the KME cannot listen: ${error instanceof Error ? error.message : String(error)}`);
    },
  );

/** In a folder of this user's alone. */
function filesIn(folder: string, { ca, client }: Certificates): Pick<Place, "ca" | "cert" | "key"> {
  const file = (name: string, pem: string): string => {
    const whole = path.join(folder, name);
    writeFileSync(whole, pem, { mode: 0o600 });
    return whole;
  };
  return { ca: file("ca.crt", ca), cert: file("client.crt", client.cert), key: file("client.key", client.key) };
}
