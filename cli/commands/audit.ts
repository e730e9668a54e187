/** `qkd audit`: what was done, by whom and when, and whether the logs of it are as they were written. */
import type { Command } from "../lib/command.ts";
import { auditExport, auditKeys } from "./audit-export.ts";
import { auditTail } from "./audit-tail.ts";
import { auditVerify } from "./audit-verify.ts";

export const auditCommands: readonly Command[] = [
  auditTail,
  auditVerify,
  auditExport,
  auditKeys,
  // After those that begin with its word.
  { ...auditTail, name: "audit", summary: "the same as audit tail" },
];
