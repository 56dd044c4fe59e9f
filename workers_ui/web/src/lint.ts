/** The reply is checked at each pause in typing and when guidance changed; a fix goes in at its place, and what was found is said as a count. */

import { onPage } from "./page";

const PAUSE_MILLISECONDS = 400;

let timer = 0;
let asking: AbortController | null = null;
/** The text that the list on the page is about: places in it mean nothing in another. */
let checkedText: string | null = null;

function form(): HTMLFormElement | null {
  return document.querySelector("#composer");
}

function field(): HTMLTextAreaElement | null {
  return document.querySelector("#reply-text");
}

function checkSoon(delay = PAUSE_MILLISECONDS): void {
  window.clearTimeout(timer);
  asking?.abort();
  timer = window.setTimeout(() => void check(), delay);
}

async function check(): Promise<void> {
  const [composer, text] = [form(), field()];
  if (!composer || !text || text.readOnly) return;
  if (!text.value.trim()) return show("", text.value);
  asking = new AbortController();
  const asked = text.value;
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(composer)) if (typeof value === "string" && name !== "fix") body.append(name, value);
  try {
    const answer = await fetch(composer.dataset.checkUrl ?? "", {
      method: "POST",
      body,
      signal: asking.signal,
      headers: { "HX-Request": "true" },
    });
    // Refused or too many: the reply is checked again when it is sent, so the list may wait.
    if (answer.ok) show(await answer.text(), asked);
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error; // a newer check, or no connection
  }
}

function show(part: string, about: string): void {
  const old = document.querySelector("#findings");
  if (!old || field()?.value !== about) return;
  checkedText = about;
  const fresh = new DOMParser().parseFromString(part, "text/html").querySelector("#findings") ?? emptied();
  count(fresh.querySelector("li") ? (fresh.getAttribute("data-count") ?? "") : "");
  if (old.innerHTML === fresh.innerHTML) return;
  const held = old.contains(document.activeElement);
  old.replaceWith(document.importNode(fresh, true));
  // What had the hand on it is gone: on to the next thing found, else back to the text.
  if (held) (document.querySelector<HTMLElement>("#findings button") ?? field())?.focus();
}

function emptied(): HTMLElement {
  const nothing = document.createElement("div");
  nothing.id = "findings";
  return nothing;
}

function count(words: string): void {
  const line = document.querySelector("#findings-count");
  if (line && line.textContent !== words) line.textContent = words;
}

function pressed(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLElement>("#findings [data-show], #findings [data-fix]");
  const text = field();
  if (!button || !text) return;
  event.preventDefault();
  if (text.value !== checkedText || text.readOnly) return checkSoon(0);
  const [start, end] = [Number(button.dataset.start), Number(button.dataset.end)];
  text.focus();
  text.setSelectionRange(start, end);
  if (button.dataset.fix !== undefined) replace(text, button.dataset.fix);
  else reveal(text, start);
}

function replace(text: HTMLTextAreaElement, words: string): void {
  // As by hand, so that the browser's own undo takes it back; setRangeText is for where that is refused.
  if (document.execCommand(words ? "insertText" : "delete", false, words)) return;
  text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
  text.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

/** A textarea does not scroll to what a script selects. */
function reveal(text: HTMLTextAreaElement, start: number): void {
  const share = start / Math.max(text.value.length, 1);
  text.scrollTop = share * text.scrollHeight - text.clientHeight / 2;
  text.scrollIntoView({ block: "nearest" });
}

export function startLint(): void {
  document.addEventListener("input", (event) => {
    if ((event.target as Element).id === "reply-text") checkSoon();
  });
  document.addEventListener("click", pressed);
  // What was taken from guidance may not hold any more.
  document.addEventListener("hc:refreshed", (event) => {
    if ((event as CustomEvent<string[]>).detail.includes("guidance") && field()?.value.trim()) checkSoon();
  });
  // A reply on its way is checked there.
  document.addEventListener("htmx:before:request", (event) => {
    if ((event.target as Element).id !== "composer") return;
    window.clearTimeout(timer);
    asking?.abort();
  });
  onPage(() => {
    window.clearTimeout(timer);
    asking?.abort();
    const text = field();
    checkedText = text?.defaultValue ?? null;
    if (text && text.value !== text.defaultValue) checkSoon(); // what this browser had kept
  });
}
