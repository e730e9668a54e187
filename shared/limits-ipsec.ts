/** Of IPsec entries: a part of LIMITS, which is where others find it. */
export const IPSEC = {
  /** A body of a controller, and entries in it: 100 tunnels in JSON with indents are 400 entries and half a megabyte. */
  ipsecBodyBytes: 2 * 1024 * 1024,
  ipsecBodyEntries: 2048,
  /** Nesting of an entry in JSON or XML, its wrappers included. */
  ipsecDepth: 16,
  /** Elements of an XML body, of which the edge reads some hundred a millisecond; and characters of a text in it. */
  ipsecXmlElements: 64 * 1024,
  ipsecTextChars: 4096,
  /** Values of one leaf-list, and entries of one list: ports, algorithms, DSCP. */
  ipsecListEntries: 64,
  /** Of one entry that are told. */
  ipsecFaultsEach: 20,
  /** Places of a body between its entries that hold something else, and are told. */
  ipsecJunkTold: 16,
  /** One notification of a host. */
  ipsecNotificationBytes: 64 * 1024,
  /** Settings that a controller may leave with /createqkd. */
  ipsecEndpointChars: 255,
  /** From when on an SA is to be made anew, before its hard lifetime ends. */
  ipsecRekeyAheadMs: 120_000,
} as const;
