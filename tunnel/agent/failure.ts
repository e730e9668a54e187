/** Something the user can do about: printed as one line, without a stack. */
export class AgentFailure extends Error {
  readonly exitCode: 1 | 2;

  /** @param exitCode 2: of usage and configuration; 1: of everything else */
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = "AgentFailure";
    this.exitCode = exitCode;
  }
}
