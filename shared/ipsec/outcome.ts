/** What became of an entry, as controllers and operators are told. */

export const ENTRY_STATES = ["queued", "installed", "failed", "deleting", "deleted"] as const;
export type EntryState = (typeof ENTRY_STATES)[number];

/** Why an entry failed: code -> what it means. */
export const ENTRY_REASONS = {
  "bad-entry": "the entry is not what RFC 9061 allows: the message names the leaf",
  "unknown-prefix": "no node is known by one of the prefixes",
  "not-this-node": "neither prefix is this node's",
  exists: "another entry of this name is installed: delete it first",
  "spi-in-use": "another SA to the same destination has this SPI",
  "too-many": "the node has as many entries as it may have",
  "no-agent": "no agent of the node's site is connected, or it serves no IPsec host",
  "peer-not-come": "the other end's agent did not come for the key in time",
  "key-failed": "the two agents could not make a key",
  "required-source-missing": "a source that is required gave nothing",
  "keys-differ": "the two ends took part in different sessions, or use the key for different algorithms",
  "peer-failed": "the other end could not install the SA, so it was taken back here",
  "peer-silent": "the other end did not say that it has installed the SA, so it was taken back here",
  "host-unreachable": "the IPsec host cannot be reached by NETCONF",
  "wrong-host-key": "the IPsec host shows another SSH host key than the agent has pinned",
  "login-refused": "the IPsec host refuses the agent's login, or a file of the login cannot be read",
  "host-refused": "the IPsec host refuses the configuration",
  "host-silent": "the IPsec host did not answer in time",
  interrupted: "the agent or its connection ended before it was known what became of the entry, so it was taken back",
  rekeying: "the SA is being made anew at the moment: try again",
  "not-held": "the key that was kept for this SA is gone",
} as const satisfies Record<string, string>;
export type EntryReason = keyof typeof ENTRY_REASONS;
export const isEntryReason = (text: string): text is EntryReason => Object.hasOwn(ENTRY_REASONS, text);
