/** ProxyAgent objects, and what they have to know of the network. */
import { type IpsecView, ipsecView, type IpsecViewCall } from "../../shared/ipsec/view.ts";
import type { DirectoryParts } from "./changes.ts";
import type { Watchers } from "./watchers.ts";

/** @returns what one asked for, which will be told of every change from then on as long as its node has an IPsec host */
export function viewOfProxyAgent(
  { store }: DirectoryParts,
  watchers: Watchers,
  { node, knownSequence }: IpsecViewCall,
): IpsecView | { readonly unchanged: true } {
  const view = ipsecView(store.view(), node);
  if (view.own === null) watchers.forget(node);
  else watchers.saw(node, view.sequence);
  return view.sequence === knownSequence ? { unchanged: true } : view;
}
