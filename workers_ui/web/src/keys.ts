/** One registry of keys: it runs them and it draws the "?" sheet. Letters work only outside fields. */

import { isTyping, openFold } from "./page";
import { toggleTheme } from "./theme";

type Key = { press: string; name?: string; label: string; here: () => boolean; run: () => void };

const OFF_KEY = "hc-keys-off";
const ROWS = "[data-live-list] > li:not([data-taken])";
const REVIEWS = "[data-review]";
const EARNINGS = "[data-queue] .row-link";

const on = (selector: string) => (): boolean => document.querySelector(selector) !== null;
const everywhere = (): boolean => true;
const inPool = on("[data-live-list]");
const onRow = on("[data-live-list] > li");
const atDesk = on("#composer");
const inReview = on(REVIEWS);
const inQueue = on(EARNINGS);

const KEYS: readonly Key[] = [
  { press: "j", label: "Next ticket", here: inPool, run: () => move(1, ROWS) },
  { press: "k", label: "Previous ticket", here: inPool, run: () => move(-1, ROWS) },
  { press: " ", name: "Space", label: "Details of the ticket", here: onRow, run: peek },
  { press: "c", label: "Claim the ticket, or the next best", here: inPool, run: claim },
  { press: "b", label: "Hide the ticket's brand", here: inPool, run: () => row()?.querySelector<HTMLElement>(".hide-brand")?.click() },
  { press: "f", label: "Filters", here: inPool, run: () => open(".filters") },
  { press: "a", label: "Go away, or come back", here: inPool, run: () => press("[data-availability]") },
  { press: "j", label: "Next reply", here: inReview, run: () => move(1, REVIEWS) },
  { press: "k", label: "Previous reply", here: inReview, run: () => move(-1, REVIEWS) },
  { press: "a", label: "Approve and send the reply", here: inReview, run: () => onReview("[data-approve]") },
  { press: "x", label: "Return the reply", here: inReview, run: () => openFold(review()?.querySelector<HTMLDetailsElement>("details.act")) },
  { press: "j", label: "Next earning", here: inQueue, run: () => move(1, EARNINGS) },
  { press: "k", label: "Previous earning", here: inQueue, run: () => move(-1, EARNINGS) },
  { press: "x", label: "Select the earning, or not", here: inQueue, run: select },
  { press: "h", label: "Hold earnings", here: inQueue, run: () => open("#hold") },
  { press: "f", label: "Filters", here: inQueue, run: () => open(".filters") },
  { press: "r", label: "Write the reply", here: atDesk, run: () => field()?.focus() },
  { press: "1", label: "Insert passage 1", here: atDesk, run: () => insert("1") },
  { press: "2", label: "Insert passage 2", here: atDesk, run: () => insert("2") },
  { press: "3", label: "Insert passage 3", here: atDesk, run: () => insert("3") },
  { press: "4", label: "Insert passage 4", here: on('[data-insert="4"]'), run: () => insert("4") },
  { press: "5", label: "Insert passage 5", here: on('[data-insert="5"]'), run: () => insert("5") },
  { press: "d", label: "Insert the draft", here: atDesk, run: () => insert("draft") },
  { press: "f", label: "Walk a flow, or go on in it", here: on("#flows:not([hidden])"), run: flow },
  { press: "i", label: "Insert the flow's reply", here: on('[data-insert="flow"] [data-insert-button]'), run: () => insert("flow") },
  { press: "e", label: "Extend your time, once", here: on("[data-extend]"), run: () => press("[data-extend]") },
  { press: "w", label: "This passage is wrong", here: on("[data-report]"), run: reportPassage },
  { press: "m", label: "Write an internal note", here: atDesk, run: () => open("#note") },
  { press: "l", label: "Release the ticket", here: atDesk, run: () => open("#release") },
  { press: "t", label: "Change the theme", here: everywhere, run: toggleTheme },
  { press: "?", label: "This sheet", here: everywhere, run: openSheet },
];
/** Not single letters, so they also work in the field; shown in the sheet only. */
const FIELD_KEYS: ReadonlyArray<readonly [string, string]> = [
  ["Ctrl Enter", "Send and go on"],
  ["Esc", "Leave the field"],
];

function move(step: number, among: string): void {
  const all = [...document.querySelectorAll<HTMLElement>(among)];
  const at = all.findIndex((one) => one.contains(document.activeElement));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** The row that has the focus, else the first: the order of the pool is the order of claims. */
function row(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>("[data-live-list] > li") ?? document.querySelector<HTMLElement>(ROWS);
}

function review(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>(REVIEWS) ?? null;
}

/** Only on the reply that has the focus: nothing is sent by a key about a reply that nobody looks at. */
function onReview(selector: string): void {
  review()?.querySelector<HTMLElement>(selector)?.click();
}

/** The focus stays on the row, so that J and K go on from it. */
function select(): void {
  document.activeElement?.closest("[data-queue]")?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
}

function claim(): void {
  row()?.querySelector<HTMLButtonElement>(".claim")?.click();
}

function peek(): void {
  const more = row()?.querySelector("details");
  if (more) more.open = !more.open;
}

function press(selector: string): void {
  document.querySelector<HTMLElement>(selector)?.click();
}

function open(selector: string): void {
  openFold(document.querySelector<HTMLDetailsElement>(selector));
}

/** Of the passage that has the focus, else of the first that was not reported yet. */
function reportPassage(): void {
  const card = document.activeElement?.closest(".card");
  openFold(card?.querySelector<HTMLDetailsElement>("[data-report]") ?? document.querySelector<HTMLDetailsElement>("[data-report]"));
}

function field(): HTMLTextAreaElement | null {
  return document.querySelector("#reply-text");
}

function insert(which: string): void {
  document.querySelector<HTMLElement>(`[data-insert="${which}"] [data-insert-button]`)?.click();
}

/** To its question or outcome, else to the first that may be begun. */
function flow(): void {
  const next = document.querySelector<HTMLElement>("#flow-walk .flow-choices button, #flow-answer, #flow-walk [data-insert-button], [data-flow]");
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function pressed(event: KeyboardEvent): string {
  // Digits by place, letters by what they write: both survive other layouts.
  return /^(Digit|Numpad)\d$/.test(event.code) ? event.code.slice(-1) : event.key.toLowerCase();
}

function handle(event: KeyboardEvent): void {
  if (event.isComposing || event.defaultPrevented) return;
  const target = event.target;
  if (target instanceof HTMLTextAreaElement && target.form?.id === "composer") inField(event, target);
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  if (modified || event.repeat && !"jk".includes(event.key) || isTyping(target) || document.querySelector("dialog[open]")) return;
  if (localStorage.getItem(OFF_KEY) && event.key !== "?") return;
  const key = KEYS.find((one) => one.press === pressed(event) && one.here());
  if (!key || (event.shiftKey && key.press !== "?")) return;
  // On a button or a summary the space bar is theirs, and outside of the list it scrolls the page.
  if (key.press === " " && !(target as Element).matches("[data-live-list] > li")) return;
  event.preventDefault();
  key.run();
}

function inField(event: KeyboardEvent, target: HTMLTextAreaElement): void {
  if (event.key === "Escape") target.blur();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    const send = target.form?.querySelector<HTMLButtonElement>("[data-send]");
    if (send && !send.matches("[aria-busy=true]")) target.form?.requestSubmit(send);
  }
}

function openSheet(): void {
  const sheet = document.createElement("dialog");
  sheet.id = "keys-sheet";
  sheet.setAttribute("aria-labelledby", "keys-title");
  const title = element("h2", "Keyboard shortcuts");
  title.id = "keys-title";
  const lines = document.createElement("dl");
  for (const key of KEYS.filter((one) => one.here())) line(lines, key.name ?? key.press.toUpperCase(), key.label);
  if (atDesk()) for (const [press, label] of FIELD_KEYS) line(lines, press, label);
  const foot = document.createElement("p");
  foot.className = "cluster";
  foot.append(offSwitch(), closeButton(sheet));
  sheet.append(title, lines, foot);
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
}

function element(name: string, text: string): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function line(lines: HTMLElement, press: string, label: string): void {
  const term = document.createElement("dt");
  term.append(element("kbd", press));
  lines.append(term, element("dd", label));
}

function offSwitch(): HTMLElement {
  const label = element("label", "Single-letter shortcuts on");
  label.className = "button";
  label.dataset.variant = "secondary";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = !localStorage.getItem(OFF_KEY);
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF_KEY) : localStorage.setItem(OFF_KEY, "1")));
  label.prepend(box);
  return label;
}

function closeButton(sheet: HTMLDialogElement): HTMLElement {
  const button = element("button", "Close") as HTMLButtonElement;
  button.type = "button";
  button.className = "button";
  button.dataset.variant = "primary";
  button.addEventListener("click", () => sheet.close());
  return button;
}

export function startKeys(): void {
  document.addEventListener("keydown", handle);
  document.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-keys-sheet]")) openSheet();
  });
}
