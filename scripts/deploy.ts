/**
 * `npm run deploy`: the bundle to Cloudflare. Arguments go to `wrangler deploy`; with `--dry-run` nothing leaves this
 * machine. A Worker without its secrets could keep no key, so they are asked for first.
 */
import { StartFailure } from "./start/failure.ts";
import { runCommand } from "./start/main.ts";
import { stopSignal } from "./start/stop-signal.ts";
import { runTool, tool } from "./start/tools.ts";

const SECRETS = [
  {
    name: "QKD_EPOCH_KEY_1",
    // Later ones take its place.
    listed: /"QKD_EPOCH_KEY_[1-9]\d*"/,
    what: "protects keys at rest: base64 of 32 random bytes",
    how: "openssl rand -base64 32 | npx wrangler secret put QKD_EPOCH_KEY_1",
  },
  {
    name: "QKD_BOOTSTRAP_SHA256",
    listed: /"QKD_BOOTSTRAP_SHA256"/,
    what: "lets the first operator in, once, within an hour of the first request: SHA-256 (hex) of a random token",
    how: '(umask 077; openssl rand -hex 32 > bootstrap.token); printf %s "$(cat bootstrap.token)" | sha256sum | cut -c1-64 | npx wrangler secret put QKD_BOOTSTRAP_SHA256',
  },
] as const;

const USAGE = `usage: npm run deploy -- [options of wrangler deploy]

Deploys the Worker of wrangler.toml to Cloudflare. Before, once:
  npx wrangler login              (or set CLOUDFLARE_API_TOKEN)
${SECRETS.map(({ name, what, how }) => `  ${name}: ${what}\n    ${how}`).join("\n")}
SAEs' certificates need mTLS on the zone's hostname (Cloudflare API Shield); bearer tokens do not.

  --dry-run           only bundle and check
  --secrets-file F    take the secrets from F instead (see wrangler deploy --help)
`;

async function checkSecrets(args: readonly string[], stop: AbortSignal): Promise<void> {
  const { code, output } = await runTool(
    tool("wrangler"),
    ["secret", "list", "--format", "json", ...environmentOf(args)],
    stop,
    false,
  );
  const missing = SECRETS.filter(({ listed }) => code !== 0 || !listed.test(output));
  if (missing.length === 0) return;
  const reason =
    code === 0
      ? ""
      : ` (wrangler secret list: ${
          output
            .trim()
            .split("\n")
            .find((line) => /error/i.test(line)) ?? `code ${code}`
        })`;
  throw new StartFailure(
    `cannot see the secret${missing.length > 1 ? "s" : ""} ${missing.map(({ name }) => name).join(", ")} of the Worker${reason}; npm run deploy -- --help says how to set them`,
  );
}

/** `--env NAME` and `--name NAME` tell which Worker is meant. */
function environmentOf(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    if (["--env", "-e", "--name"].includes(arg)) return [arg, args[index + 1] ?? ""];
    return /^--(env|name)=/.test(arg) ? [arg] : [];
  });
}

await runCommand("npm run deploy", async () => {
  const stop = stopSignal();
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const ownSecrets = args.some((arg) => arg === "--dry-run" || arg.startsWith("--secrets-file"));
  if (!ownSecrets) await checkSecrets(args, stop);
  return (await runTool(tool("wrangler"), ["deploy", ...args], stop, true)).code;
});
