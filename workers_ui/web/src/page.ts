/** What every module needs of the page: its clock, its voice for screen readers, its toasts, and when it changes. */

const TOAST_MILLISECONDS = 7000;
const MAX_TOASTS = 3;

let clockOffset = 0;
const readyHandlers: Array<() => void> = [];

/** Runs `handler` now and again after each page that htmx puts into the body. */
export function onPage(handler: () => void): void {
  readyHandlers.push(handler);
}

export function pageReady(): void {
  readClock();
  for (const handler of readyHandlers) handler();
}

function readClock(): void {
  const now = document.querySelector<HTMLElement>("#main")?.dataset.now;
  if (now) clockOffset = Date.parse(now) - Date.now();
}

/** Milliseconds since the epoch by the server's clock: leases end by it, whatever this machine believes. */
export function serverNow(): number {
  return Date.now() + clockOffset;
}

/** Says `text` to screen readers without moving anything. */
export function announce(text: string): void {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  window.setTimeout(() => (region.textContent = text), 50);
}

export function toast(text: string, tone = "info"): void {
  const region = document.getElementById("toasts");
  if (!region || !text) return;
  const line = document.createElement("p");
  line.className = "toast";
  line.dataset.tone = tone;
  line.textContent = text;
  region.append(line);
  while (region.childElementCount > MAX_TOASTS) region.firstElementChild?.remove();
  dismissLater(line);
}

/** Toasts the server rendered go the same way; a new page's live region must change once to be read out. */
export function adoptServerToasts(): void {
  for (const line of document.querySelectorAll<HTMLElement>("#toasts .toast")) {
    announce(line.textContent?.trim() ?? "");
    dismissLater(line);
  }
}

function dismissLater(line: HTMLElement): void {
  const leave = (): void => {
    // Reading takes as long as it takes: a toast that is pointed at or focused stays.
    if (line.matches(":hover, :focus-within")) window.setTimeout(leave, 1000);
    else line.remove();
  };
  line.addEventListener("click", (event) => {
    if (!(event.target as Element).closest("a")) line.remove();
  });
  window.setTimeout(leave, TOAST_MILLISECONDS);
}

/** Opens a fold where it is seen, with the hand on its first field. */
export function openFold(fold: HTMLDetailsElement | null | undefined): void {
  if (!fold) return;
  fold.open = true;
  fold.scrollIntoView({ block: "nearest" });
  fold.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea")?.focus();
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

// Before any custom element counts by it.
readClock();
