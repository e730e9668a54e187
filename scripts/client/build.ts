/** `npm run build:client`: the client library into `client/dist`, to be installed from there or packed. */
import { join } from "node:path";
import { runCommand } from "../start/main.ts";
import { PROJECT } from "../start/paths.ts";
import { stopSignal } from "../start/stop-signal.ts";
import { buildClient } from "./package.ts";

await runCommand("build:client", async () => {
  await buildClient(join(PROJECT, "client", "dist"), stopSignal());
  return 0;
});
