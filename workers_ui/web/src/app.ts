/** The entry: starts htmx and the modules, and keeps what a whole-page swap would lose (focus, busy states). */

import htmx from "htmx.org";
import { startComposer } from "./composer";
import { startFilters } from "./filters";
import { startKeys } from "./keys";
import { startDueTimes } from "./lease";
import { startLint } from "./lint";
import { startLive } from "./live";
import { adoptServerToasts, onPage, openFold, pageReady, toast } from "./page";
import { startTheme } from "./theme";
import { startUpload } from "./upload";

const DOUBLE_MILLISECONDS = 800;
const TAB_MARGIN = 48; // so much of the next tab is seen that one knows of it

type RequestDetail = {
  ctx: {
    target?: Element;
    push?: string;
    sourceElement: Element;
    request: { method: string; submitter?: HTMLElement | null };
    response?: { raw: Response };
  };
};

function detail(event: Event): RequestDetail["ctx"] | undefined {
  return (event as CustomEvent<RequestDetail>).detail?.ctx;
}

/** After a page swap focus would be on the body; a screen reader needs the heading, a refused form its problem. */
function focusStart(): void {
  const start =
    document.querySelector<HTMLElement>("main [aria-invalid]") ??
    document.querySelector<HTMLElement>("main h1[tabindex]");
  start?.focus({ preventScroll: start.matches("h1") });
}

function setBusy(button: HTMLElement, busy: boolean): void {
  const label = button.dataset.busy;
  if (busy) {
    button.setAttribute("aria-busy", "true");
    if (!label) return;
    button.dataset.idle = button.innerHTML;
    button.textContent = label;
    return;
  }
  button.removeAttribute("aria-busy");
  if (button.dataset.idle !== undefined) button.innerHTML = button.dataset.idle;
  delete button.dataset.idle;
}

/** The second half of a double click would ask again, and its refusal would cover the answer to the first. */
function ignoreDoubles(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  const pressed = event.submitter ?? form;
  const before = Number(pressed.dataset.submitted ?? -DOUBLE_MILLISECONDS);
  const again = pressed.hasAttribute("aria-busy") || event.timeStamp - before < DOUBLE_MILLISECONDS;
  pressed.dataset.submitted = String(event.timeStamp);
  if (form.method !== "post" || !again) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

// Ahead of htmx, which listens on the form.
document.addEventListener("submit", ignoreDoubles, { capture: true });

document.addEventListener("htmx:before:request", (event) => {
  const button = detail(event)?.request.submitter;
  if (button) setBusy(button, true);
});

document.addEventListener("htmx:after:request", (event) => {
  const ctx = detail(event);
  // A page that answers a POST itself, without a redirect (a refusal, a new key), stays under the address of its form:
  // POST addresses cannot be opened again.
  if (ctx && ctx.request.method !== "GET" && !ctx.response?.raw.redirected) ctx.push = "false";
});

document.addEventListener("htmx:finally:request", (event) => {
  const button = detail(event)?.request.submitter;
  if (!button?.isConnected) return;
  setBusy(button, false);
  button.dispatchEvent(new CustomEvent("hc:settled", { bubbles: true }));
});

document.addEventListener("htmx:after:swap", (event) => {
  const ctx = detail(event);
  if (ctx?.target === document.body) {
    // A page starts at its top: how far the one before was scrolled says nothing about this one.
    window.scrollTo({ top: 0, behavior: "instant" });
    pageReady();
    focusStart();
  } else if (ctx?.target && !ctx.target.isConnected) {
    moveOn();
  }
});

document.addEventListener("htmx:error", () => {
  toast("That did not reach the server. Check the connection and try again.", "bad");
});

document.addEventListener("toast", (event) => {
  const { text, tone } = (event as CustomEvent<{ text?: string; tone?: string }>).detail ?? {};
  toast(text ?? "", tone);
});

/** A row that was replaced by "Taken" names the next best one: go there, the hand is on the keyboard or near it. */
function moveOn(): void {
  const taken = document.querySelector<HTMLElement>("[data-taken][data-next]:not([data-seen])");
  if (!taken) return;
  taken.dataset.seen = "";
  const next = document.getElementById(taken.dataset.next ?? "");
  (next ?? taken).focus();
}

/** Links and buttons that open a <details> by its id; without script they only jump there. */
document.addEventListener("click", (event) => {
  const opener = (event.target as Element).closest<HTMLElement>("[data-open]");
  const details = opener && document.getElementById(opener.dataset.open ?? "");
  if (details instanceof HTMLDetailsElement) {
    event.preventDefault();
    openFold(details);
  }
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!menu.contains(event.target as Node)) menu.open = false;
  }
});

/** A row of tabs that is wider than the phone shows the one that is open. */
function showCurrentTabs(): void {
  for (const tab of document.querySelectorAll<HTMLElement>(".tabs [aria-current]")) {
    const row = tab.closest<HTMLElement>(".tabs");
    if (row) row.scrollLeft += tab.getBoundingClientRect().right - row.getBoundingClientRect().right + TAB_MARGIN;
  }
}

onPage(adoptServerToasts);
onPage(showCurrentTabs);
startTheme();
startKeys();
startComposer();
startLint();
startFilters();
startDueTimes();
startUpload();
startLive(htmx);
pageReady();
// A form that was refused without htmx comes as a page of its own.
document.querySelector<HTMLElement>("main [aria-invalid]")?.focus();
