import { useEffect, useState } from "preact/hooks";
import { type Conversation, openConversation } from "../browser/conversation.ts";
import type { Me } from "../core/state.ts";
import { ConversationView } from "./conversation-view.tsx";
import { SignInForm } from "./sign-in-form.tsx";

/** Whoever reloads the page is signed out by that, as nothing is stored: better said than left to be guessed. */
const wasReloaded = (): boolean => {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation instanceof PerformanceNavigationTiming && navigation.type === "reload";
};

const AFTER_RELOAD =
  "You are signed out: the page was loaded anew. Neither messages nor tokens are stored, so both are gone from here.";

const AFTER_LEAVING = "You are signed out: the page was left. Nothing of the conversation is left here.";

export function App() {
  const [conversation, setConversation] = useState<Conversation | null>(null);
  const [notice, setNotice] = useState(wasReloaded() ? AFTER_RELOAD : null);
  // A browser may keep a page that was left as it is, and show it to whoever goes back.
  useEffect(() => {
    const left = (): void => conversation?.close(AFTER_LEAVING);
    addEventListener("pagehide", left);
    return () => removeEventListener("pagehide", left);
  }, [conversation]);
  if (conversation === null) {
    const open = (me: Me, peer: string, token: string | null): void => {
      setNotice(null);
      setConversation(openConversation(me, peer, token));
    };
    return <SignInForm notice={notice} onOpen={open} />;
  }
  const leave = (reason: string): void => {
    conversation.close(reason);
    setNotice(reason);
    setConversation(null);
  };
  return <ConversationView messenger={conversation.messenger} onLeave={leave} />;
}
