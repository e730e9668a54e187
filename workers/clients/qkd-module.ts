/** The objects of the QKD modules of a link. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { LinkEntry } from "../../shared/network/document.ts";
import { hasModules } from "../../shared/network/module-config.ts";
import { type ModuleAnswer, moduleName, type QkdModuleRpc } from "../../shared/qkd-module/rpc.ts";
import { allOf, type Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { answerOf } from "./key-pool.ts";
import { ObjectIds } from "./object-ids.ts";

const ids = new ObjectIds();

/** The sender's, then the receiver's; none where the link lives on something else. Called anew for each attempt. */
export const modulesOf = (env: Env, link: LinkEntry): readonly (() => QkdModuleRpc)[] =>
  hasModules(link) ? link.nodes.map((node) => () => ids.get(env.QKD_MODULE, moduleName(link.id, node))) : [];

/** How they are, asked at once. */
export async function moduleAnswers(env: Env, link: LinkEntry): Promise<Result<readonly ModuleAnswer[], Fault>> {
  return allOf(await Promise.all(modulesOf(env, link).map((module) => answerOf(() => module().status()))));
}
