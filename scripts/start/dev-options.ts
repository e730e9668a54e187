/** The command line of `npm run dev`. */
import { parseArgs } from "node:util";
import { misuseInWords } from "../../cli/lib/args.ts";
import { StartFailure } from "./failure.ts";

export const DEV_USAGE = `usage: npm run dev -- [options] [-- options of wrangler dev]

Runs the Worker in wrangler dev, with the demo network and bearer tokens, for working on it. Source changes are taken
up as they are saved.

  --port N       where it listens on 127.0.0.1 (default 8787)
  --state DIR    where tokens and storage are kept (default .qkd; shared with npm start
                 but for the storage, which is DIR/dev)
  --help         this text
`;

export interface DevOptions {
  readonly port: number;
  readonly state: string;
  readonly help: boolean;
  /** For wrangler. */
  readonly args: readonly string[];
}

const OPTIONS = {
  port: { type: "string", default: "8787" },
  state: { type: "string", default: ".qkd" },
  help: { type: "boolean", short: "h", default: false },
} as const;

export function parseDevOptions(args: readonly string[]): DevOptions {
  const { values, positionals } = parse(args);
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : 0;
  if (port < 1 || port > 65_535) throw new StartFailure(`--port takes a port from 1 to 65535, not "${values.port}"`);
  return { port, state: values.state, help: values.help, args: positionals };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (thrown) {
    throw new StartFailure(`${misuseInWords(thrown)} (npm run dev -- --help lists the options)`, { cause: thrown });
  }
}
