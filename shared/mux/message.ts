/** A WebSocket message under way: frames back to back. Their bytes are copied once, when all of them are known. */
export class OutgoingMessage {
  readonly #pieces: Uint8Array[] = [];
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** @param piece stays as it is until the message is made: a whole frame, a header, or a part of a payload */
  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#byteLength += piece.length;
  }

  /** @param room where it is to be written; made here where absent */
  bytes(room: (byteLength: number) => Uint8Array): Uint8Array {
    const [only] = this.#pieces;
    if (only !== undefined && this.#pieces.length === 1) return only;
    const message = room(this.#byteLength);
    let at = 0;
    for (const piece of this.#pieces) {
      message.set(piece, at);
      at += piece.length;
    }
    return message;
  }
}
