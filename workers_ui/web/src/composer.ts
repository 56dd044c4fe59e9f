/** The reply field: guidance goes in at the cursor, and no typed word is ever lost. */

import { announce, onPage, serverNow } from "./page";

type Kept = { text: string; saved: boolean };

const SAVE_DELAY_MILLISECONDS = 500;
const RETRY_MILLISECONDS = 5000;

let timer = 0;
let saving = false;
let changedWhileSaving = false;
let sending = false;

function form(): HTMLFormElement | null {
  return document.querySelector("#composer");
}

function field(): HTMLTextAreaElement | null {
  return document.querySelector("#reply-text");
}

// This browser's copy: survives a lost lease, a closed tab and no network

function keepKey(ticket: string): string {
  return `hc-draft:${ticket}`;
}

function kept(ticket: string): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(keepKey(ticket)) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

function keep(ticket: string, record: Kept): void {
  try {
    localStorage.setItem(keepKey(ticket), JSON.stringify(record));
  } catch {
    // A full or forbidden storage leaves the server's copy, which is the first one anyway.
  }
}

function restore(): void {
  const [composer, text] = [form(), field()];
  const [keptField] = document.querySelectorAll<HTMLTextAreaElement>("[data-kept]");
  if (keptField) {
    const record = kept(keptField.dataset.kept ?? "");
    if (record && !record.saved && record.text) {
      keptField.value = record.text;
      keptField.parentElement?.removeAttribute("hidden");
    }
  }
  if (!composer || !text) return;
  sending = false;
  const record = kept(composer.dataset.ticket ?? "");
  // What stands in the field and did not come with the page was written here, and is newer than any copy.
  if (!record || record.saved || text.value !== text.defaultValue || record.text === text.value) return;
  text.value = record.text;
  state("Restored from this browser");
  saveSoon();
}

// The server's copy

function state(words: string): void {
  const shown = document.querySelector("[data-draft-state]");
  if (shown && shown.textContent !== words) shown.textContent = words;
}

function typed(): void {
  const [composer, text] = [form(), field()];
  if (!composer || !text) return;
  keep(composer.dataset.ticket ?? "", { text: text.value, saved: false });
  state("Saving…");
  saveSoon();
}

function saveSoon(delay = SAVE_DELAY_MILLISECONDS): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void save(), delay);
}

function draftBody(composer: HTMLFormElement): URLSearchParams {
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(composer)) if (typeof value === "string") body.append(name, value);
  body.delete("idempotency_key");
  return body;
}

async function save(): Promise<void> {
  const composer = form();
  if (!composer || sending) return;
  if (saving) {
    changedWhileSaving = true;
    return;
  }
  window.clearTimeout(timer);
  saving = true;
  const body = draftBody(composer);
  try {
    const answer = await fetch(composer.dataset.draftUrl ?? "", {
      method: "POST",
      body,
      keepalive: true,
      headers: { Accept: "application/json" },
    });
    await saved(composer, body.get("text") ?? "", answer);
  } catch {
    state("Not saved yet: no connection. Kept in this browser.");
    saveSoon(RETRY_MILLISECONDS);
  } finally {
    saving = false;
    if (changedWhileSaving) saveSoon();
    changedWhileSaving = false;
  }
}

async function saved(composer: HTMLFormElement, text: string, answer: Response): Promise<void> {
  if (answer.status === 409 || answer.status === 403 || answer.status === 404) return state("Your claim has ended. The text is kept.");
  if (!answer.ok) throw new Error(String(answer.status));
  const receipt = answer.status === 204 ? {} : ((await answer.json()) as { revision?: number });
  const revision = composer.elements.namedItem("draft_revision");
  if (revision instanceof HTMLInputElement && receipt.revision !== undefined) revision.value = String(receipt.revision);
  const now = field()?.value ?? text; // perhaps more than what was sent
  keep(composer.dataset.ticket ?? "", { text: now, saved: now === text });
  state(`Draft saved ${clock(serverNow())}`);
}

/** The same clock as the server's `clock` filter: the reader's zone as the page says it, 24 hours. */
function clock(now: number): string {
  const { lang, dataset } = document.documentElement;
  return new Intl.DateTimeFormat(lang, { timeStyle: "short", hourCycle: "h23", timeZone: dataset.zone || "UTC" }).format(now);
}

// The claim is over: the very field that was written in becomes the unsent text, so that no character can be lost

function freeze(): void {
  const [composer, text] = [form(), field()];
  if (!composer || !text) return;
  text.readOnly = true;
  composer.dataset.over = "";
  const label = composer.querySelector<HTMLElement>("[data-unsent-label]");
  if (label && text.value) {
    label.dataset.before = label.textContent ?? "";
    label.textContent = label.dataset.unsentLabel ?? "";
    label.classList.remove("visually-hidden");
  }
  document.querySelector("[data-unsent]")?.removeAttribute("hidden");
  // Too late for a draft, not for the server to keep it as unsent.
  if (kept(composer.dataset.ticket ?? "")?.saved === false) saveSoon(0);
}

function thaw(): void {
  const [composer, text] = [form(), field()];
  if (!composer || !text || composer.dataset.over === undefined) return;
  text.readOnly = false;
  delete composer.dataset.over;
  const label = composer.querySelector<HTMLElement>("[data-unsent-label]");
  if (label?.dataset.before) {
    label.textContent = label.dataset.before;
    label.classList.add("visually-hidden");
  }
  document.querySelector("[data-unsent]")?.setAttribute("hidden", "");
}

function flush(): void {
  const composer = form();
  if (!composer || sending || kept(composer.dataset.ticket ?? "")?.saved !== false) return;
  // sendBeacon outlives the page; the answer does not matter, this browser's copy stays unsaved until it is known.
  navigator.sendBeacon(composer.dataset.draftUrl ?? "", draftBody(composer));
}

// Guidance into the text

function insert(button: HTMLElement): void {
  const card = button.closest<HTMLElement>("[data-insert]");
  const words = card?.querySelector("[data-insert-text]")?.textContent?.trim();
  const text = field();
  if (!card || !words || !text || text.readOnly) return;
  text.focus();
  const before = text.value.slice(0, text.selectionStart);
  const gap = before && !/\s$/.test(before) ? "\n\n" : "";
  // insertText keeps the browser's own undo; setRangeText is for where it is refused.
  if (!document.execCommand("insertText", false, gap + words)) {
    text.setRangeText(gap + words, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  card.dataset.used = "";
  remember(card.dataset.mark ?? card.dataset.passage ?? "draft");
  announce(card.dataset.passage ? "Passage inserted." : "Draft inserted.");
}

/** The receipt tells which guidance went into the reply. */
function remember(what: string): void {
  const list = form()?.elements.namedItem("inserted");
  if (!(list instanceof HTMLInputElement)) return;
  // A receipt names one flow: the walk that was inserted last.
  const before = list.value.split(",").filter((one) => one && !(what.startsWith("flow:") && one.startsWith("flow:")));
  list.value = [...new Set([...before, what])].join(",");
}

function replied(event: Event): void {
  const ctx = (event as CustomEvent<{ ctx: { sourceElement: Element; request: { action: string }; response?: { status: number } } }>).detail.ctx;
  const composer = ctx.sourceElement;
  if (!(composer instanceof HTMLFormElement) || composer.id !== "composer") return;
  if (ctx.request.action.endsWith("/reply") && (ctx.response?.status ?? 500) < 400) {
    localStorage.removeItem(keepKey(composer.dataset.ticket ?? ""));
  }
}

/** Another tab sent this text and let go of the kept copy: this one must not offer to send it again. */
function sentElsewhere(event: StorageEvent): void {
  const composer = form();
  if (event.key !== keepKey(composer?.dataset.ticket ?? "") || event.newValue !== null || sending) return;
  const sent = JSON.parse(event.oldValue ?? "null") as Kept | null;
  if (sent?.text === field()?.value) location.reload();
}

export function startComposer(): void {
  window.addEventListener("storage", sentElsewhere);
  document.addEventListener("input", (event) => {
    if ((event.target as Element).id === "reply-text") typed();
  });
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-insert-button]");
    if (!button) return;
    event.preventDefault();
    insert(button);
  });
  document.addEventListener("htmx:before:request", (event) => {
    if ((event.target as Element).id !== "composer") return;
    sending = true;
    window.clearTimeout(timer);
  });
  document.addEventListener("htmx:finally:request", () => (sending = false));
  document.addEventListener("htmx:after:request", replied);
  document.addEventListener("hc:lease-over", freeze);
  document.addEventListener("hc:lease-runs", thaw);
  window.addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => document.hidden && flush());
  onPage(restore);
}
