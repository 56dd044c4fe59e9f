/** One stream for all tabs of this browser: the tab that holds the lock reads it and passes everything on.
 *
 * A browser opens six connections to one server at most, so a stream per tab would stall the seventh. When the reading
 * tab closes, the next in line goes on where it stopped. Without Web Locks (plain HTTP from another machine) each tab
 * has a stream of its own and gives it back while nobody looks at it. */

export type Said = { name: string; data: string; id: string };
type Word = { said?: Said; state?: string; asks?: string; to?: string };
type Listener = { names: string[]; hear: (name: string, data: string) => void; show: (state: string) => void; greet: () => Said[] };

const RETRY_MILLISECONDS = 3000;
const HIDDEN_MILLISECONDS = 60_000;
const RECENT_MILLISECONDS = 5000;
const RECENT_EVENTS = 200;

const me = String(Math.random());
let listener: Listener;
let address = "";
let madeAt = "";
let lastId = "";
let state = "connecting";
let source: EventSource | null = null;
let channel: BroadcastChannel | null = null;
let giveUp: (() => void) | null = null;
let recent: Array<{ at: number; said: Said }> = [];
let retryTimer = 0;
let hiddenTimer = 0;

export function startStream(own: Listener): void {
  listener = own;
  window.addEventListener("offline", () => tell("offline"));
  window.addEventListener("online", () => source && open());
  window.addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", pauseWhenHidden);
}

/** Reads the stream at `url` for a page that the server made at `since`; the same stream as before just goes on. */
export function follow(url: string, since: string): void {
  if (url === address && (source || channel)) return listener.show(state);
  leave();
  [address, madeAt, lastId] = [url, since, ""];
  if (!address) return;
  tell("connecting");
  if (navigator.locks) share();
  else open();
}

function share(): void {
  channel = new BroadcastChannel(address);
  channel.onmessage = (event) => heard(event.data as Word);
  channel.postMessage({ asks: me });
  const waiting = new AbortController();
  const held = new Promise<void>((release) => {
    giveUp = () => (waiting.abort(), release());
  });
  navigator.locks.request(address, { signal: waiting.signal }, () => (open(), held)).catch(() => undefined);
}

function leave(): void {
  giveUp?.();
  channel?.close();
  giveUp = channel = null;
  close();
}

function close(): void {
  window.clearTimeout(retryTimer);
  source?.close();
  source = null;
}

function open(): void {
  close();
  tell("connecting");
  const from = lastId ? `after=${lastId}` : `since=${encodeURIComponent(madeAt)}`;
  source = new EventSource(`${address}${address.includes("?") ? "&" : "?"}${from}`);
  source.addEventListener("open", () => tell("live"));
  source.addEventListener("error", failed);
  for (const name of listener.names) source.addEventListener(name, (event) => read(name, event as MessageEvent<string>));
}

function read(name: string, event: MessageEvent<string>): void {
  const said = { name, data: event.data, id: event.lastEventId };
  recent = [...recent.slice(1 - RECENT_EVENTS), { at: Date.now(), said }];
  channel?.postMessage({ said });
  hear(said);
}

function hear(said: Said): void {
  lastId = said.id || lastId;
  listener.hear(said.name, said.data);
}

/** The browser reconnects by itself and sends Last-Event-ID; after a refusal it gives up, so we try again. */
function failed(): void {
  tell(navigator.onLine ? "reconnecting" : "offline");
  if (source?.readyState !== EventSource.CLOSED) return;
  window.clearTimeout(retryTimer);
  retryTimer = window.setTimeout(open, RETRY_MILLISECONDS * (1 + Math.random()));
}

function tell(now: string): void {
  state = now;
  listener.show(now);
  if (source) channel?.postMessage({ state });
}

/** What another tab says: an event, how its stream is, or that it is new here. */
function heard(word: Word): void {
  if (word.to && word.to !== me) return;
  if (word.said) hear(word.said);
  if (word.state) listener.show((state = word.state));
  if (word.asks && source) welcome(word.asks);
}

/** A new tab missed what came between the making of its page and now. */
function welcome(to: string): void {
  const since = Date.now() - RECENT_MILLISECONDS;
  const missed = recent.filter((one) => one.at > since && one.said.name !== "notice").map((one) => one.said);
  channel?.postMessage({ to, state });
  for (const said of [...missed, ...listener.greet()]) channel?.postMessage({ to, said });
}

/** A tab with a stream of its own gives it back while nobody looks at it. */
function pauseWhenHidden(): void {
  window.clearTimeout(hiddenTimer);
  if (channel || !address) return;
  if (document.hidden) {
    hiddenTimer = window.setTimeout(() => (close(), tell("paused")), HIDDEN_MILLISECONDS);
  } else if (!source) {
    open();
  }
}
