import { useEffect, useRef, useState } from "preact/hooks";
import { whyNoPeer } from "../browser/peer.ts";
import { signIn } from "../browser/sign-in.ts";
import type { Me } from "../core/state.ts";
import { Icon } from "./icons.tsx";

interface Props {
  readonly notice: string | null;
  readonly onOpen: (me: Me, peer: string, token: string | null) => void;
}

/** Is there somebody whom the browser's certificate speaks for? Asked once; null: no, or not known yet. */
function useCertificate(): Me | null {
  const [me, setMe] = useState<Me | null>(null);
  useEffect(() => {
    if (location.protocol !== "https:") return undefined;
    let isWanted = true;
    void signIn(null).then((answer) => (isWanted && answer.ok ? setMe(answer.me) : undefined));
    return () => {
      isWanted = false;
    };
  }, []);
  return me;
}

export function SignInForm({ notice, onOpen }: Props) {
  const certified = useCertificate();
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const tokenField = useRef<HTMLInputElement>(null);
  const peerField = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) tokenField.current?.focus();
  }, []);

  const open = async (): Promise<void> => {
    const [typed, peer] = [tokenField.current?.value.trim() ?? "", peerField.current?.value.trim() ?? ""];
    const token = typed === "" ? null : typed;
    if (token === null && certified === null) return setFault("Give the token of your application (SAE).");
    if (peer === "") return setFault("Say whom you want to talk to.");
    const answer = token === null && certified !== null ? ({ ok: true, me: certified } as const) : await signIn(token);
    if (!answer.ok) return setFault(answer.why);
    if (answer.me.sae === peer) return setFault(`You are ${peer} yourself: name the other side.`);
    const whyNot = await whyNoPeer(peer, token);
    if (whyNot !== null) return setFault(whyNot);
    if (tokenField.current !== null) tokenField.current.value = "";
    onOpen(answer.me, peer, token);
    return undefined;
  };

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setFault(null);
    setIsBusy(true);
    await open().finally(() => setIsBusy(false));
  };

  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => void submit(event)} aria-labelledby="title" noValidate>
        <div class="mark" aria-hidden="true">
          <Icon name="key" />
        </div>
        <h1 id="title">Messenger</h1>
        <p class="lead">
          Text, files and calls between two sites, sealed with keys from each one's own quantum key distribution.
        </p>
        {notice !== null && (
          <p class="notice" role="status">
            {notice}
          </p>
        )}
        {certified !== null && (
          <p class="notice good" role="status">
            Your certificate says that you are <strong>{certified.sae}</strong>. No token is needed.
          </p>
        )}
        <label for="token">Your token{certified === null ? "" : " (optional)"}</label>
        <input
          id="token"
          ref={tokenField}
          type="password"
          // Browsers offer to store whatever else is a password, "off" or not.
          autocomplete="one-time-code"
          spellcheck={false}
          aria-describedby="token-hint"
        />
        <p id="token-hint" class="hint">
          Kept in this page's memory only, never stored.
        </p>
        <label for="peer">Talk to</label>
        <input
          id="peer"
          ref={peerField}
          type="text"
          placeholder="for instance sae-b"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-describedby="peer-hint"
        />
        <p id="peer-hint" class="hint">
          The SAE ID of the other side.
        </p>
        <p class="fault" role="alert">
          {fault}
        </p>
        <button class="primary" type="submit" disabled={isBusy}>
          {isBusy ? "One moment …" : "Open the conversation"}
        </button>
      </form>
    </main>
  );
}
