/**
 * The few kinds of YANG nodes that `ipsec-ikeless` needs (RFC 7950), as data: what reads an entry, checks it, fills in
 * its defaults and writes it goes by one tree, and the entries' types come of it.
 */

/** A value as JSON or XML brings it: XML knows texts only, and controllers write numbers as texts in JSON too. */
export type RawValue = string | number | boolean;

export interface LeafType<T> {
  /** "shall be ..." */
  readonly words: string;
  /** @returns the value in canonical form; undefined: none of the type's */
  read(raw: RawValue): T | undefined;
  /** What should be said of a value that is taken all the same; null: nothing. */
  remark?(raw: RawValue): string | null;
}

export interface Leaf<T, Mandatory extends boolean> {
  readonly kind: "leaf";
  readonly type: LeafType<T>;
  readonly mandatory: Mandatory;
  readonly default?: T;
}
export interface LeafList<T> {
  readonly kind: "leaf-list";
  readonly type: LeafType<T>;
}
/** Octets that are checked for form and go no further: see entry.ts. */
export interface Secret {
  readonly kind: "secret";
}
/** `config false`: a host's own, which nobody can set. */
export interface State {
  readonly kind: "state";
}
/** `mandatory`: something in it is. */
export interface Container<N extends Nodes, Mandatory extends boolean> {
  readonly kind: "container";
  readonly nodes: N;
  readonly mandatory: Mandatory;
}
export interface List<N extends Nodes> {
  readonly kind: "list";
  /** Leaves that every entry has, and together only once. */
  readonly keys: readonly string[];
  readonly nodes: N;
}

export type Node =
  | Leaf<RawValue, boolean>
  | LeafList<RawValue>
  | Secret
  | State
  | Container<Nodes, boolean>
  | List<Nodes>;
/** In the order of the module, which is the order on the wire. */
export interface Nodes {
  readonly [name: string]: Node;
}

type Value<N> =
  N extends Leaf<infer T, boolean>
    ? T
    : N extends LeafList<infer T>
      ? readonly T[]
      : N extends Container<infer Inner, boolean>
        ? Tree<Inner>
        : N extends List<infer Inner>
          ? readonly Tree<Inner>[]
          : never;

type Required<N extends Nodes> = {
  [Name in keyof N]: N[Name] extends { readonly mandatory: true } ? Name : never;
}[keyof N];
type Optional<N extends Nodes> = {
  [Name in keyof N]: N[Name] extends Secret | State | { readonly mandatory: true } ? never : Name;
}[keyof N];

/** A checked tree: canonical values, numbers up to 32 bits as numbers, of 64 bits as texts (RFC 7951 clause 6.1). */
export type Tree<N extends Nodes> = { readonly [Name in Required<N>]: Value<N[Name]> } & {
  readonly [Name in Optional<N>]?: Value<N[Name]>;
};

export const leaf = <T extends RawValue>(type: LeafType<T>, preset?: T): Leaf<T, false> =>
  preset === undefined
    ? { kind: "leaf", type, mandatory: false }
    : { kind: "leaf", type, mandatory: false, default: preset };
export const mandatory = <T extends RawValue>(type: LeafType<T>): Leaf<T, true> => ({
  kind: "leaf",
  type,
  mandatory: true,
});
export const leafList = <T extends RawValue>(type: LeafType<T>): LeafList<T> => ({ kind: "leaf-list", type });
export const container = <const N extends Nodes>(nodes: N): Container<N, false> => ({
  kind: "container",
  nodes,
  mandatory: false,
});
export const needed = <const N extends Nodes>(nodes: N): Container<N, true> => ({
  kind: "container",
  nodes,
  mandatory: true,
});
export const list = <const N extends Nodes>(keys: readonly (keyof N & string)[], nodes: N): List<N> => ({
  kind: "list",
  keys,
  nodes,
});
export const secret: Secret = { kind: "secret" };
export const state: State = { kind: "state" };
