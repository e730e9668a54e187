/** Why a command stops, in words for the user. */
export { codeOf, messageOf } from "../../tunnel/log.ts";

/** A reason to stop that the user can act on: printed as one line, exit code 1. Anything else is a fault of ours. */
export class StartFailure extends Error {}

/** Several lines of a message as one. */
export const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, "; ");
