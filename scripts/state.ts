/** `npm run backup`, `npm run restore`, `npm run upgrade`: see state/options.ts. */
import { runCommand } from "./start/main.ts";
import { stopSignal } from "./start/stop-signal.ts";
import { backUp, restore } from "./state/backup.ts";
import { parseStateCommand, type StateCommand, USAGE } from "./state/options.ts";
import { upgrade } from "./state/upgrade.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function perform(command: StateCommand, stop: AbortSignal): Promise<void> {
  switch (command.name) {
    case "help":
      say(USAGE);
      return;
    case "backup":
      say(`backup: ${await backUp(command.state, command.out, Date.now())}`);
      return;
    case "upgrade":
      await upgrade(command.state, command.out, stop, say);
      say("this release comes up on this state: npm start");
      return;
    case "restore": {
      const { manifest, aside } = await restore(command.file, command.state, command.replace);
      say(`restored: ${command.state}, as it was at ${manifest.at} (release ${manifest.release})`);
      if (aside !== null) say(`what was there is in ${aside}`);
      say("with the next start all key material in it is voided; revoke again what was revoked since");
    }
  }
}

await runCommand(`npm run ${process.argv[2] ?? ""}`, async () => {
  await perform(parseStateCommand(process.argv.slice(2)), stopSignal());
  return 0;
});
