/** Why one end of Cascade gives up on what the other sent. The block is lost: no part of it may be used. */
export type CascadeFaultKind =
  /** Not what the wire format allows, or not what was asked for. */
  | "malformed"
  /** A pass that is not open, or not the next to open. */
  | "out-of-order"
  /** The parities would tell more than the block may lose. */
  | "leak-limit"
  /** Parities that no string has. */
  | "contradiction";

export class CascadeFault extends Error {
  readonly kind: CascadeFaultKind;

  constructor(kind: CascadeFaultKind, message: string) {
    super(`Cascade: ${message}`);
    this.name = "CascadeFault";
    this.kind = kind;
  }
}
