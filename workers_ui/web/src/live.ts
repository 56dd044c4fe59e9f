/** One EventSource to the server: it patches the pool row by row and asks again for parts that changed. */

import type { Htmx } from "htmx.org";
import { passes } from "./filters";
import { refreshDueTimes } from "./lease";
import { announce, onPage, toast } from "./page";

type PoolUpsert = { id: string; rev: number; html: string; waiting?: number };
type PoolRemove = { id: string; reason: string; waiting?: number };
type Subject = { id?: string };
type Progress = { id: string; done: number; total: number; stage?: string; state?: string };
type Notice = { text: string; tone?: string };

const MAX_ROWS = 300;
const TAKEN_MILLISECONDS = 6000;
const SUMMARY_MILLISECONDS = 10_000;
const RETRY_MILLISECONDS = 3000;
const HIDDEN_MILLISECONDS = 60_000;
const REFRESH_DELAY_MILLISECONDS = 120;

const GONE: Record<string, string> = {
  claimed: "Somebody claimed it a moment ago.",
  withdrawn: "The brand took it back.",
  expired: "It is no longer offered.",
};
const STATUS: Record<string, string> = {
  live: "live",
  connecting: "connecting",
  reconnecting: "reconnecting",
  offline: "offline",
  paused: "paused",
};
/** Events that only say "this changed": the parts that show it are fetched again. */
const SUBJECT_EVENTS = ["ticket.message", "ticket.guidance", "ticket.lease", "ticket.state", "mine", "payout", "kb.changed", "ticket.import"];

let source: EventSource | null = null;
let wanted = "";
let retryTimer = 0;
let hiddenTimer = 0;
let missedEvents = false;
let arrived = 0;
let summaryTimer = 0;
let refreshTimer = 0;
const stale = new Set<HTMLElement>();
let htmx: Htmx;

export function startLive(library: Htmx): void {
  htmx = library;
  onPage(follow);
  window.addEventListener("offline", () => show("offline"));
  window.addEventListener("online", () => reopen());
  window.addEventListener("pageshow", (event) => event.persisted && refreshAll());
  window.addEventListener("pagehide", () => close());
  document.addEventListener("visibilitychange", pauseWhenHidden);
  document.addEventListener("hc:settled", settle);
}

/** The new page says where its stream is; the open one is kept when it is the same. */
function follow(): void {
  const url = document.getElementById("live")?.dataset.url ?? "";
  if (url === wanted && source) return show(source.readyState === EventSource.OPEN ? "live" : "connecting");
  wanted = url;
  reopen();
}

function reopen(): void {
  close();
  if (!wanted) return;
  show("connecting");
  source = new EventSource(wanted);
  source.addEventListener("open", () => {
    show("live");
    if (missedEvents) refreshAll();
    missedEvents = false;
  });
  source.addEventListener("error", failed);
  listen<PoolUpsert>("pool.upsert", upsertRow);
  listen<PoolRemove>("pool.remove", removeRow);
  listen<Progress>("kb.progress", showProgress);
  listen<Notice>("notice", (notice) => toast(notice.text, notice.tone));
  source.addEventListener("resync", refreshAll);
  for (const name of SUBJECT_EVENTS) listen<Subject>(name, (subject) => subjectChanged(name, subject.id));
}

function listen<T>(name: string, handle: (payload: T) => void): void {
  source?.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent<string>).data || "{}") as T));
}

function close(): void {
  window.clearTimeout(retryTimer);
  source?.close();
  source = null;
}

/** The browser reconnects by itself and sends Last-Event-ID; after a refusal it gives up, so we try again. */
function failed(): void {
  show(navigator.onLine ? "reconnecting" : "offline");
  if (source?.readyState !== EventSource.CLOSED) return;
  missedEvents = true;
  window.clearTimeout(retryTimer);
  retryTimer = window.setTimeout(reopen, RETRY_MILLISECONDS * (1 + Math.random()));
}

/** A browser opens six connections to one server at most; a tab nobody looks at gives its own back. */
function pauseWhenHidden(): void {
  window.clearTimeout(hiddenTimer);
  if (document.hidden) {
    hiddenTimer = window.setTimeout(() => {
      close();
      missedEvents = true;
      show("paused");
    }, HIDDEN_MILLISECONDS);
  } else if (!source) {
    reopen();
  }
}

function show(state: string): void {
  const status = document.getElementById("live");
  const text = status?.querySelector(".live-text");
  if (!status || !text || status.dataset.state === state) return;
  status.dataset.state = state;
  text.textContent = STATUS[state] ?? state;
}

// The pool, row by row

function list(): HTMLElement | null {
  return document.querySelector("[data-live-list]");
}

function row(id: string): HTMLElement | null {
  return document.getElementById(`ticket-${id}`);
}

function upsertRow(event: PoolUpsert): void {
  const rows = list();
  setWaiting(event.waiting, row(event.id) ? 0 : 1);
  if (!rows) return;
  const old = row(event.id);
  if (old && !("taken" in old.dataset) && Number(old.dataset.rev) >= event.rev) return;
  const fresh = parse(event.html);
  if (!fresh) return;
  if (old) replaceRow(old, fresh);
  else if (rows.childElementCount < MAX_ROWS && passes(fresh, rows)) {
    // At the end and nowhere else: a row under the pointer or a finger never moves.
    fresh.dataset.new = "";
    rows.append(fresh);
    summarise();
  }
  refreshDueTimes();
}

function replaceRow(old: HTMLElement, fresh: HTMLElement): void {
  const focused = old.contains(document.activeElement);
  const onButton = focused && document.activeElement !== old;
  fresh.querySelector("details")?.toggleAttribute("open", old.querySelector("details")?.open ?? false);
  old.replaceWith(fresh);
  if (focused) (onButton ? fresh.querySelector<HTMLElement>("button") : fresh)?.focus();
}

function parse(html: string): HTMLElement | null {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.querySelector("li");
}

function removeRow(event: PoolRemove): void {
  const gone = row(event.id);
  setWaiting(event.waiting, gone && !("taken" in gone.dataset) ? -1 : 0);
  if (!gone) return;
  if (gone.querySelector("[aria-busy=true]")) {
    // Our own claim is on its way: its answer decides what this row says.
    gone.dataset.gone = event.reason;
    return;
  }
  markTaken(gone, event.reason);
}

function settle(event: Event): void {
  const waiting = (event.target as Element).closest<HTMLElement>("[data-gone]");
  if (waiting) markTaken(waiting, waiting.dataset.gone ?? "");
}

function markTaken(gone: HTMLElement, reason: string): void {
  if (gone.contains(document.activeElement)) focusNext(gone);
  gone.dataset.taken = "";
  const meta = gone.querySelector(".meta");
  if (meta) meta.textContent = GONE[reason] ?? GONE.expired ?? "";
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.textContent = reason === "claimed" ? "Taken" : "Gone";
  gone.querySelector(".pool-act")?.replaceChildren(badge);
  window.setTimeout(() => (gone.dataset.leaving = ""), TAKEN_MILLISECONDS - 500);
  window.setTimeout(() => "taken" in gone.dataset && gone.remove(), TAKEN_MILLISECONDS);
}

function focusNext(gone: HTMLElement): void {
  let next = gone.nextElementSibling;
  while (next && (next as HTMLElement).dataset.taken !== undefined) next = next.nextElementSibling;
  ((next ?? gone.previousElementSibling ?? document.querySelector("h1")) as HTMLElement | null)?.focus();
}

function setWaiting(waiting: number | undefined, change: number): void {
  for (const counter of document.querySelectorAll<HTMLElement>('[data-count="pool"]')) {
    const now = Number((counter.textContent ?? "").replace(/\D/g, ""));
    counter.textContent = String(waiting ?? Math.max(0, now + change));
  }
}

/** One sentence for many rows: the list itself is not a live region. */
function summarise(): void {
  arrived += 1;
  if (summaryTimer) return;
  summaryTimer = window.setTimeout(() => {
    announce(arrived === 1 ? "1 new ticket" : `${arrived} new tickets`);
    arrived = summaryTimer = 0;
  }, SUMMARY_MILLISECONDS);
}

// Parts that are asked for again

function subjectChanged(name: string, id: string | undefined): void {
  const shown = parts(name, id);
  if (name === "ticket.message" && shown.length) announce("The conversation changed.");
  refresh(shown);
}

function showProgress(event: Progress): void {
  const shown = document.querySelectorAll<HTMLElement>(`[data-import="${CSS.escape(event.id)}"]`);
  for (const one of shown) {
    const bar = one.querySelector("progress");
    if (bar) [bar.max, bar.value] = [Math.max(1, event.total), event.done];
    setText(one, "[data-progress-text]", `${event.done} of ${event.total}`);
    if (event.stage) setText(one, "[data-stage]", event.stage);
  }
  const ended = event.state === "ready" || event.state === "failed";
  if (ended || !shown.length) refresh([...parts("kb.progress", event.id), ...(ended ? parts("kb.changed", undefined) : [])]);
}

function setText(within: Element, selector: string, text: string): void {
  const element = within.querySelector(selector);
  if (element) element.textContent = text;
}

function parts(name: string, id: string | undefined): HTMLElement[] {
  const all = [...document.querySelectorAll<HTMLElement>(`[data-refresh~="${CSS.escape(name)}"]`)];
  return all.filter((part) => !part.dataset.key || !id || part.dataset.key === id);
}

function refreshAll(): void {
  refresh([...document.querySelectorAll<HTMLElement>("[data-refresh]")]);
}

function refresh(shown: HTMLElement[]): void {
  for (const part of shown) stale.add(part);
  if (!stale.size) return;
  window.clearTimeout(refreshTimer);
  refreshTimer = window.setTimeout(() => void fetchParts(), REFRESH_DELAY_MILLISECONDS);
}

/** One request for all parts: they come from the same page, so they cannot disagree. */
async function fetchParts(): Promise<void> {
  const wantedParts = [...stale].filter((part) => part.isConnected && part.id);
  stale.clear();
  if (!wantedParts.length) return;
  const address = location.pathname + location.search;
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(`${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (address !== location.pathname + location.search) return;
    if (claimEnded(page)) return location.reload();
    for (const part of wantedParts) await morph(part, page.getElementById(part.id));
    refreshDueTimes();
  } catch {
    toast("This page may be out of date. Reload it.", "warn");
  }
}

/** A desk without its claim is another page: no Send that cannot send. What was typed is kept on every key.
 * An act of our own on its way answers for itself. */
function claimEnded(page: Document): boolean {
  if (!document.getElementById("composer") || page.getElementById("composer")) return false;
  return !document.querySelector("[aria-busy=true]");
}

async function morph(part: HTMLElement, fresh: HTMLElement | null): Promise<void> {
  if (!fresh || !part.isConnected) return;
  await htmx.swap({ sourceElement: part, target: part, swap: "outerMorph", text: fresh.outerHTML } as Parameters<Htmx["swap"]>[0]);
}
