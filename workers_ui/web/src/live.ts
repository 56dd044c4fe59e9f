/** What the stream brings: it patches the pool row by row and asks again for parts that changed. */

import type { Htmx } from "htmx.org";
import { passes } from "./filters";
import { refreshDueTimes } from "./lease";
import { announce, onPage, toast } from "./page";
import { follow, startStream } from "./stream";

type PoolUpsert = { id: string; rev: number; html: string };
type PoolRemove = { id: string; reason: string };
type Subject = { id?: string };
type Progress = { id: string; done: number; total: number; stage?: string; state?: string };
type Notice = { text: string; tone?: string };

const MAX_ROWS = 300;
const TAKEN_MILLISECONDS = 6000;
const SUMMARY_MILLISECONDS = 10_000;
const REFRESH_DELAY_MILLISECONDS = 120;
const REFRESH_REST_MILLISECONDS = 600;
const SPREAD_MILLISECONDS = 2000;

const GONE: Record<string, string> = {
  claimed: "Somebody claimed it a moment ago.",
  withdrawn: "The brand took it back.",
  expired: "It is no longer offered.",
  stopped: "Its brand has stopped it for now.",
};
/** States of an import that change what its page offers. */
const ENDED = new Set(["ready", "failed", "review", "discarded", "undone"]);
/** Events that only say "this changed": the parts that show it are fetched again. */
const SUBJECT_EVENTS = [
  "ticket.message",
  "ticket.guidance",
  "ticket.lease",
  "ticket.state",
  "ticket.note",
  "ticket.import",
  "mine",
  "payout",
  "kb.changed",
  "kb.editing",
  "board",
  "stage",
  "review",
  "standing",
];

type Handlers = Record<string, (data: string) => void>;

let arrived = 0;
let summaryTimer = 0;
let refreshTimer = 0;
let lastFetch = 0;
const waiting = new Map<string, number>();
const stale = new Set<HTMLElement>();
let htmx: Htmx;

export function startLive(library: Htmx): void {
  htmx = library;
  const handlers: Handlers = {
    "pool.upsert": (data) => upsertRow(JSON.parse(data) as PoolUpsert),
    "pool.remove": (data) => removeRow(JSON.parse(data) as PoolRemove),
    "pool.lanes": (data) => (waiting.clear(), setWaiting(JSON.parse(data) as Record<string, number>)),
    "pool.waiting": (data) => setWaiting(JSON.parse(data) as Record<string, number>),
    "kb.progress": (data) => showProgress(JSON.parse(data) as Progress),
    notice: (data) => showNotice(JSON.parse(data) as Notice),
    // These concern all pages in the same moment: they do not ask all at once.
    resync: () => window.setTimeout(refreshAll, SPREAD_MILLISECONDS * Math.random()),
    pool: () => window.setTimeout(() => refresh(parts("pool", undefined)), SPREAD_MILLISECONDS * Math.random()),
    here: () => undefined,
  };
  for (const name of SUBJECT_EVENTS) handlers[name] = (data) => subjectChanged(name, (JSON.parse(data) as Subject).id);
  startStream({
    names: Object.keys(handlers),
    hear: (name, data) => handlers[name]?.(data),
    show,
    greet: () => [{ name: "pool.lanes", data: JSON.stringify(Object.fromEntries(waiting)), id: "" }],
  });
  onPage(() => follow(document.getElementById("live")?.dataset.url ?? "", document.getElementById("main")?.dataset.now ?? ""));
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    follow(document.getElementById("live")?.dataset.url ?? "", "");
    refreshAll();
  });
  document.addEventListener("hc:settled", settle);
}

function showNotice(notice: Notice): void {
  toast(notice.text, notice.tone);
}

function show(state: string): void {
  const status = document.getElementById("live");
  const text = status?.querySelector(".live-text");
  if (!status || !text || status.dataset.state === state) return;
  status.dataset.state = state;
  text.textContent = state;
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

/** The server says how many wait in a lane when that changes; a page shows all lanes of its worker. */
function setWaiting(lanes: Record<string, number>): void {
  for (const [lane, tickets] of Object.entries(lanes)) waiting.set(lane, tickets);
  if (!waiting.size) return;
  const all = [...waiting.values()].reduce((sum, tickets) => sum + tickets, 0);
  for (const counter of document.querySelectorAll<HTMLElement>('[data-count="pool"]')) counter.textContent = String(all);
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
  if (name === "ticket.guidance" && shown.length) announce("Guidance changed.");
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
  refresh(parts("kb.files", event.id));
  const ended = event.state !== undefined && ENDED.has(event.state);
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
  if (refreshTimer) return; // a steady stream of changes must not put the look off for ever
  const rest = lastFetch + REFRESH_REST_MILLISECONDS - Date.now();
  refreshTimer = window.setTimeout(() => void fetchParts(), Math.max(REFRESH_DELAY_MILLISECONDS, rest));
}

/** One request for all parts: they come from the same page, so they cannot disagree. */
async function fetchParts(): Promise<void> {
  refreshTimer = 0;
  lastFetch = Date.now();
  const wantedParts = [...stale].filter((part) => part.isConnected && part.id);
  stale.clear();
  if (!wantedParts.length) return;
  const address = location.pathname + location.search;
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(`${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (address !== location.pathname + location.search) return;
    if (deskTurned(page)) return location.reload();
    for (const part of wantedParts) await morph(part, page.getElementById(part.id));
    document.dispatchEvent(new CustomEvent("hc:refreshed", { detail: wantedParts.map((part) => part.id) }));
    refreshDueTimes();
  } catch {
    toast("This page may be out of date. Reload it.", "warn");
  }
}

/** A desk that lost its composer is another page: no Send that cannot send; and so is one that got it back, when a
 * reply was returned. What was typed is kept on every key. An act of our own on its way answers for itself. */
function deskTurned(page: Document): boolean {
  if (!document.querySelector(".desk")) return false;
  const changed = Boolean(document.getElementById("composer")) !== Boolean(page.getElementById("composer"));
  return changed && !document.querySelector("[aria-busy=true]");
}

async function morph(part: HTMLElement, fresh: HTMLElement | null): Promise<void> {
  if (!fresh || !part.isConnected) return;
  await htmx.swap({ sourceElement: part, target: part, swap: "outerMorph", text: fresh.outerHTML } as Parameters<Htmx["swap"]>[0]);
}
