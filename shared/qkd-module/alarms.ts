/** What a QKD module wants an operator to look into. Codes are stable: clients and scripts match them. */
export const MODULE_ALARMS = {
  "qber-above-bound": "more errors on the quantum channel than any key survives: somebody may be listening",
  "authentication-failed": "a message of the other module was not what it sent: somebody may be meddling",
  "module-no-key": "block after block gives no key",
  "module-peer-silent": "the other end's module does not answer",
  "module-mismatch": "the two ends' modules are not set up for one another",
  "module-peer-changed":
    "the other end's module names another public key than before: it was set up anew, or somebody else is there",
  "module-openings-refused":
    "blocks are opened and not authenticated, one after the other: somebody may be using up authentication key",
  "module-unsettled": "key was given up because the other end never said what became of it",
  "module-refused": "the pool did not take a key block, which was given up",
} as const satisfies Record<string, string>;

export type ModuleAlarmCode = keyof typeof MODULE_ALARMS;

export const isModuleAlarmCode = (text: string): text is ModuleAlarmCode => Object.hasOwn(MODULE_ALARMS, text);
