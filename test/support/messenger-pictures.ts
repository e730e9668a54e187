/** The pictures of docs/messenger.md: a short conversation, as it looks at a desk and on a phone. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { Person, type Site } from "./messenger-people.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "docs", "images");
const take = async ({ page }: Person, name: string): Promise<void> => {
  await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: "disabled", caret: "hide" });
};

const PHONE = { colorScheme: "dark", viewport: { width: 390, height: 700 } } as const;

/** @param sites of the one at the desk and the one with the phone */
export async function takePictures(browsers: readonly [Browser, Browser], sites: readonly [Site, Site]): Promise<void> {
  const anna = await Person.arrive(browsers[0], sites[0], { viewport: { width: 1060, height: 700 } });
  const bert = await Person.arrive(browsers[1], sites[1], PHONE);
  for (const person of [anna, bert]) await person.signIn();
  await anna.channelIs("Direct");
  await bert.say("Good morning! Did the link hold?");
  await anna.sees("Did the link hold?");
  await anna.say("All night, at a QBER of 2.1 %. The figures are on their way.");
  const report = { name: "night-run.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(2_400_000, 7) };
  await anna.page.getByLabel("Files").setInputFiles(report);
  await bert.page.getByRole("button", { name: "Accept" }).click();
  await anna.sees("arrived whole");
  await anna.page.getByRole("switch", { name: "One-time pad" }).click();
  await anna.say("The door code is 4711");
  await anna.delivered("The door code is 4711");
  await anna.page.getByRole("textbox", { name: /^Message to/ }).fill("and the alarm's is 0815");
  await anna.openDetails();
  await take(anna, "messenger");
  await anna.page.getByRole("button", { name: "Call sae-b" }).click();
  await bert.page.getByRole("button", { name: "Answer" }).click();
  await bert.page.getByText("0:02").waitFor();
  await take(bert, "messenger-call");
  await bert.page.getByRole("button", { name: "Hang up" }).click();
  await bert.sees("Call ended");
  await bert.rotateAfter(1);
  await bert.say("Thank you, they look fine.");
  await bert.delivered("Thank you, they look fine.");
  const message = JSON.stringify({ message: "not enough keys available" });
  await bert.page.route("**/enc_keys*", async (route) => await route.fulfill({ status: 503, body: message }));
  await bert.say("I'll be there at ten.");
  await bert.bubble("ten.").getByText("waiting for key").waitFor();
  await take(bert, "messenger-waiting");
  for (const { context } of [anna, bert]) await context.close();
}
