/** Where the classical channel is: `127.0.0.1:7000`, `[::1]:7000`, `localhost:7000`. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

const PLACE = /^(?:\[(?<six>[0-9a-f:.]+)\]|(?<host>[^\s[\]:]+)):(?<port>\d{1,5})$/i;

/** @returns null for a text of another form */
export function placeOf(text: string): Place | null {
  const { six, host = six, port } = PLACE.exec(text)?.groups ?? {};
  const number = Number(port);
  return host === undefined || number > 65_535 ? null : { host, port: number };
}
