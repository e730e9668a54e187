import { useEffect, useRef, useState } from "preact/hooks";
import { shortKeyId } from "../core/key-id.ts";
import type { KeyRow } from "../core/key-book.ts";
import type { Messenger } from "../core/messenger.ts";
import { ROTATION_BOUNDS, rotationOf } from "../core/rotation.ts";
import type { State } from "../core/state.ts";
import { hopsInWords, type Way } from "../core/way.ts";
import { Icon } from "./icons.tsx";
import { CHANNEL_IN_FULL, count, exactTimeOf } from "./words.ts";

interface Props {
  readonly state: State;
  readonly messenger: Messenger;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

export function Details({ state, messenger, isOpen, onClose }: Props) {
  return (
    <aside id="details" class="details" aria-label="Keys and settings" hidden={!isOpen}>
      {isOpen && <Contents state={state} messenger={messenger} onClose={onClose} />}
    </aside>
  );
}

/** Not drawn, as often as the state changes, while nobody sees it. */
function Contents({ state, messenger, onClose }: Omit<Props, "isOpen">) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus(), []);
  return (
    <>
      <div class="details-head">
        <h2>Keys and settings</h2>
        <button class="tool" type="button" ref={close} aria-label="Close" title="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <Path state={state} />
      <Spent state={state} />
      <Settings state={state} messenger={messenger} />
      <Keys rows={state.book.rows} />
      <p class="hint">
        You are {state.me.sae} at {state.me.node}, by {state.me.by}.{" "}
        {state.channel !== null && `Frames go ${CHANNEL_IN_FULL[state.channel]}.`}
      </p>
    </>
  );
}

/** The nodes that a key comes over, as a line of dots. */
function Path({ state: { way, me, peer } }: { readonly state: State }) {
  return (
    <section aria-labelledby="path-title">
      <h3 id="path-title">The way of the keys</h3>
      {way === null ? (
        <p class="hint">The key management entity has not said yet.</p>
      ) : (
        <Nodes way={way} me={me.sae} peer={peer} />
      )}
    </section>
  );
}

function Nodes({ way, me, peer }: { readonly way: Way; readonly me: string; readonly peer: string }) {
  const nodes = way.nodes.length > 0 ? way.nodes : [];
  return (
    <>
      {nodes.length > 0 && (
        <ol class="path" aria-label="From your node to the other side's">
          {nodes.map((node) => (
            <li key={node}>{node}</li>
          ))}
        </ol>
      )}
      <dl class="facts">
        <div>
          <dt>Between</dt>
          <dd>
            {me} and {peer}
          </dd>
        </div>
        <div>
          <dt>Hops</dt>
          <dd>{nodes.length > 0 ? way.hops : hopsInWords(way)}</dd>
        </div>
        <div>
          <dt>Keys in store</dt>
          <dd>{storeInWords(way)}</dd>
        </div>
      </dl>
      {way.isSimulated && <p class="tag">Simulated key: good for trying out, not for secrets</p>}
    </>
  );
}

/** Between nodes that share no link an empty store is no shortage: key is relayed when it is asked for. */
const storeInWords = ({ storedKeys, hops }: Way): string =>
  storedKeys === 0 && hops !== null && hops > 1 ? "0, relayed on demand" : count(storedKeys);

function Spent({ state: { book, way, sendingKey, rotation } }: { readonly state: State }) {
  return (
    <section aria-labelledby="spent-title">
      <h3 id="spent-title">Spent in this conversation</h3>
      <dl class="facts">
        <div>
          <dt>One-time pads</dt>
          <dd>{count(book.padBits)} bits</dd>
        </div>
        <div>
          <dt>Sealing keys</dt>
          <dd>
            {count(book.sealingKeys)} ({count(book.sealingBits)} bits)
          </dd>
        </div>
      </dl>
      {way !== null && way.storedKeys > 0 && (
        <meter
          min={0}
          max={Math.max(1, book.padBits + 256 * way.storedKeys)}
          value={book.padBits}
          aria-label="Bits spent on pads, of those and what is in store"
        />
      )}
      {sendingKey !== null && (
        <p class="hint">
          Your key {shortKeyId(sendingKey.keyId)} has sealed {sendingKey.use.messages} of {rotation.messages} messages,{" "}
          {count(sendingKey.use.frames)} frames.
        </p>
      )}
    </section>
  );
}

function Settings({ state, messenger }: Pick<Props, "state" | "messenger">) {
  const [messages, setMessages] = useState(state.rotation.messages);
  const [seconds, setSeconds] = useState(state.rotation.seconds);
  const apply = (): void => {
    const rotation = rotationOf(messages, seconds);
    setMessages(rotation.messages);
    setSeconds(rotation.seconds);
    messenger.setRotation(rotation);
  };
  return (
    <section aria-labelledby="settings-title">
      <h3 id="settings-title">Settings</h3>
      <div class="fields">
        <label>
          New key after messages
          <input
            type="number"
            {...ROTATION_BOUNDS.messages}
            value={messages}
            onInput={numberInto(setMessages)}
            onChange={apply}
          />
        </label>
        <label>
          or after seconds
          <input
            type="number"
            {...ROTATION_BOUNDS.seconds}
            value={seconds}
            onInput={numberInto(setSeconds)}
            onChange={apply}
          />
        </label>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={state.isRoomOnly}
          onChange={(event) => messenger.setRoomOnly(event.currentTarget.checked)}
        />
        Room only: hide your address from the other side
      </label>
    </section>
  );
}

const numberInto = (set: (value: number) => void) => (event: { readonly currentTarget: HTMLInputElement }) =>
  set(event.currentTarget.valueAsNumber);

function Keys({ rows }: { readonly rows: readonly KeyRow[] }) {
  return (
    <section aria-labelledby="keys-title">
      <h3 id="keys-title">Keys</h3>
      {rows.length === 0 && <p class="hint">None yet: the first is taken when both sides are here.</p>}
      <ul class="keys">
        {rows.map(({ keyId, whose, use, bits, atMs, way }) => (
          <li key={keyId}>
            <code title={keyId}>{shortKeyId(keyId)}</code>
            <span>
              {whose === "mine" ? "yours" : "theirs"}, {use === "pad" ? `pad of ${count(bits)} bits` : "sealing"}
            </span>
            <span class="hint">
              {exactTimeOf(atMs)}
              {way !== null && ` · ${hopsInWords({ hops: way.hops, nodes: [] })}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
