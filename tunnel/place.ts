/** An address with its port as one text: `127.0.0.1:7000`, `[::1]:7000`, `localhost:7000`. */
import * as v from "valibot";
import { text } from "./config-values.ts";

export interface Place {
  readonly host: string;
  readonly port: number;
}

const PLACE = /^(?:\[(?<six>[0-9a-f:.]+)\]|(?<host>[^\s[\]:]+)):(?<port>\d{1,5})$/i;

/** @returns null for what has another form */
export function placeOf(written: string): Place | null {
  const { six, host = six, port } = PLACE.exec(written)?.groups ?? {};
  const number = Number(port);
  return host === undefined || number > 65_535 ? null : { host, port: number };
}

export const PlaceSchema = v.pipe(
  text(300),
  v.check((written) => placeOf(written) !== null, "shall be an address and a port, as in 127.0.0.1:7000"),
);
