/** Whether hybrid keys could be made as `[hybrid]` has it, as far as that can be told from here: who is at the other end cannot. */
import { accessSync, constants } from "node:fs";
import { placeOf } from "../../place.ts";
import type { HybridConfig, HybridModuleConfig } from "../../services/hybrid/config.ts";
import { credentialsOf } from "../../services/hybrid/module-peer/credentials.ts";
import { reasonOf } from "../reason.ts";
import { bad, type Finding, good } from "./finding.ts";
import { portTrouble } from "./local.ts";

export async function checkHybrid({ node: nodes, peer: peers, module }: HybridConfig): Promise<readonly Finding[]> {
  const seeds = peers.flatMap(({ shared_seed_file: file }) => (file === undefined ? [] : [file]));
  return [
    good(`hybrid: ${nodes.length} nodes, ${peers.length} peers`),
    ...seeds.flatMap((file) => checkSeed(file)),
    ...(module === undefined ? [] : [await checkModule(module)]),
  ];
}

function checkSeed(file: string): readonly Finding[] {
  try {
    accessSync(file, constants.R_OK);
    return [];
  } catch (thrown) {
    return [bad(`hybrid: shared_seed_file: ${reasonOf(thrown)}`)];
  }
}

async function checkModule(config: HybridModuleConfig): Promise<Finding> {
  const { host: address = "", port = 0 } = placeOf(config.listen) ?? {};
  try {
    credentialsOf(config);
  } catch (thrown) {
    return bad(`hybrid: ${reasonOf(thrown)}`);
  }
  const trouble = await portTrouble({ address, port });
  return trouble === null
    ? good(`hybrid: modules may call at ${config.listen}`)
    : bad(`hybrid: ${config.listen}: ${trouble}`);
}
