/** Uploads of files and whole folders: by choosing or dropping, in slices, with the progress of the transfer.
 *
 * A form holds 1,000 files and a request has a limit of bytes, so many files travel in slices into one open import.
 * A slice that got lost is sent again; the server knows a file by its name and content, so nothing is there twice.
 * Without script the same form posts by itself.
 */

import { onPage, toast } from "./page";

const TIMEOUT_MILLISECONDS = 10 * 60 * 1000;
const SLICE_FILES = 200;
const SLICE_BYTES = 8_000_000;
const TRIES = 3;
const REST_MILLISECONDS = 1500;
const NAMED = 5;
const MAX_ENTRIES = 20_000;

type Chosen = { name: string; file: File };
type Sent = { status: number; url: string; text: string };

/** What was dropped on a form, and the open import a broken upload goes on with. */
const dropped = new WeakMap<HTMLFormElement, Chosen[]>();
const opened = new WeakMap<HTMLFormElement, string>();

export function startUpload(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches("[data-upload]")) return;
    event.preventDefault();
    void send(form);
  });
  document.addEventListener("change", (event) => {
    const form = (event.target as HTMLElement).closest<HTMLFormElement>("form:has([data-drop])");
    if (form && (event.target as HTMLInputElement).type === "file") changed(form);
  });
  document.addEventListener("dragover", (event) => over(event, true));
  document.addEventListener("dragleave", (event) => over(event, false));
  document.addEventListener("drop", (event) => void drop(event));
  // The browser keeps what was chosen when one comes back to a page; the words about it are ours to say again.
  onPage(() => document.querySelectorAll<HTMLFormElement>("form:has([data-drop])").forEach(tellChosen));
}

// Choosing

function changed(form: HTMLFormElement): void {
  opened.delete(form);
  tellChosen(form);
}

function chosen(form: HTMLFormElement): Chosen[] {
  const inputs = [...form.querySelectorAll<HTMLInputElement>("input[type=file]")];
  const picked = inputs.flatMap((input) => withoutTop([...(input.files ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file }))));
  return [...picked, ...(dropped.get(form) ?? [])].sort((one, other) => one.name.localeCompare(other.name, "en"));
}

/** The name of the one folder that was chosen says nothing about any one file in it. */
function withoutTop(files: Chosen[]): Chosen[] {
  const tops = new Set(files.map(({ name }) => (name.includes("/") ? name.slice(0, name.indexOf("/")) : "")));
  if (tops.size !== 1 || tops.has("")) return files;
  return files.map(({ name, file }) => ({ name: name.slice(name.indexOf("/") + 1), file }));
}

function problem(form: HTMLFormElement, { name, file }: Chosen): string {
  const endings = (form.dataset.endings ?? "").split(",").filter(Boolean);
  if (endings.length && !endings.some((ending) => name.toLowerCase().endsWith(ending))) return "this kind of file is not read";
  const limit = Number(form.dataset.fileLimit);
  return limit && file.size > limit ? `larger than ${megabytes(limit)} MB` : "";
}

/** Those that will be sent. A form that names no kinds leaves that to the server. */
function sendable(form: HTMLFormElement): Chosen[] {
  return chosen(form).filter((one) => !problem(form, one));
}

function tellChosen(form: HTMLFormElement): void {
  const place = form.querySelector<HTMLElement>("[data-chosen]");
  if (!place) return;
  const all = chosen(form);
  const good = sendable(form);
  const bad = all.filter((one) => problem(form, one));
  place.replaceChildren();
  if (!all.length) return;
  const bytes = good.reduce((sum, { file }) => sum + file.size, 0);
  place.append(paragraph(`${files(good.length)}, ${megabytes(bytes)} MB${bad.length ? `. ${files(bad.length)} will not be sent:` : ""}`));
  const limit = Number(form.dataset.filesLimit);
  if (limit && good.length > limit) place.append(paragraph(`An upload may hold ${limit.toLocaleString("en")} files. Choose fewer.`, "field-error"));
  if (!bad.length) return;
  const list = document.createElement("ul");
  for (const one of bad.slice(0, NAMED)) list.append(entry(`${one.name}: ${problem(form, one)}`));
  if (bad.length > NAMED) list.append(entry(`and ${bad.length - NAMED} more`));
  place.append(list);
}

function paragraph(text: string, look = ""): HTMLElement {
  const line = document.createElement("p");
  line.textContent = text;
  if (look) line.className = look;
  return line;
}

function entry(text: string): HTMLElement {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

function files(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "file" : "files"}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toLocaleString("en", { maximumFractionDigits: bytes < 10_000_000 ? 1 : 0 });
}

// Dropping

function zone(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>("[data-drop]") : null;
}

function over(event: DragEvent, inside: boolean): void {
  const place = zone(event);
  if (!place) return;
  event.preventDefault();
  place.toggleAttribute("data-over", inside);
}

async function drop(event: DragEvent): Promise<void> {
  const place = zone(event);
  const form = place?.closest("form");
  if (!place || !form || !event.dataTransfer) return;
  event.preventDefault();
  place.removeAttribute("data-over");
  // Entries must be taken now: after the first await the browser has forgotten them.
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter((one) => one !== null);
  const plain = [...event.dataTransfer.files].map((file) => ({ name: file.name, file }));
  const found: Chosen[] = entries.length ? [] : plain; // what no file system stands behind has no entry
  for (const one of entries) await collect(one, found);
  const folders = entries.length === 1 && entries[0]?.isDirectory;
  dropped.set(form, folders ? withoutTop(found) : found);
  changed(form);
}

async function collect(one: FileSystemEntry, found: Chosen[]): Promise<void> {
  if (found.length >= MAX_ENTRIES || one.name.startsWith(".")) return;
  if (one.isFile) {
    const file = await new Promise<File | null>((take) => (one as FileSystemFileEntry).file(take, () => take(null)));
    if (file) found.push({ name: one.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (one as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives a hundred at a time and then none.
    const some = await new Promise<FileSystemEntry[]>((take) => reader.readEntries(take, () => take([])));
    if (!some.length) return;
    for (const inner of some) await collect(inner, found);
  }
}

// Sending

async function send(form: HTMLFormElement): Promise<void> {
  const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const line = form.querySelector<HTMLElement>("[data-upload-progress]");
  if (button) button.disabled = true;
  if (line) line.hidden = false;
  const bar = new Bar(line);
  try {
    const answer = form.querySelector("[data-drop]") ? await sendMany(form, bar) : await post(form.action, new FormData(form), bar, 0);
    finished(answer);
  } catch {
    toast("The upload did not finish. Try again: what has arrived is not sent a second time.", "bad");
  } finally {
    if (button) button.disabled = false;
    if (line) line.hidden = true;
  }
}

/** One slice is a plain upload; more of them fill an open import, which is then started. */
async function sendMany(form: HTMLFormElement, bar: Bar): Promise<Sent> {
  const slices = sliced(sendable(form));
  bar.total = slices.flat().reduce((sum, { file }) => sum + file.size, 0);
  const before = opened.get(form);
  if (slices.length <= 1 && !before) return post(form.action, fields(form, slices[0] ?? [], false), bar, 0);
  let open = before;
  let sent = 0;
  let answer: Sent | undefined;
  for (const slice of slices) {
    answer = open ? await tried(`${open}/files`, () => fields(form, slice, false), bar, sent) : await post(form.action, fields(form, slice, true), bar, sent);
    if (answer.status >= 400) return answer;
    if (!open) opened.set(form, (open = answer.url));
    sent += slice.reduce((sum, { file }) => sum + file.size, 0);
  }
  return tried(`${open}/start`, () => fields(form, [], false), bar, sent);
}

function sliced(all: Chosen[]): Chosen[][] {
  const slices: Chosen[][] = [];
  let bytes = 0;
  for (const one of all) {
    const last = slices.at(-1);
    if (last && last.length < SLICE_FILES && bytes + one.file.size <= SLICE_BYTES) last.push(one);
    else slices.push([one]), (bytes = 0);
    bytes += one.file.size;
  }
  return slices;
}

/** The form's own fields with a slice of the files; `more` says that others follow. */
function fields(form: HTMLFormElement, slice: Chosen[], more: boolean): FormData {
  const body = new FormData();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
  if (more) body.append("more", "yes");
  for (const { name, file } of slice) body.append("files", file, name);
  return body;
}

/** Again after a lost connection: the same slice twice adds nothing. */
async function tried(url: string, body: () => FormData, bar: Bar, sent: number): Promise<Sent> {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await post(url, body(), bar, sent);
    } catch (error) {
      if (left <= 1) throw error;
      await new Promise((go) => setTimeout(go, REST_MILLISECONDS));
    }
  }
}

function post(url: string, body: FormData, bar: Bar, sent: number): Promise<Sent> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.timeout = TIMEOUT_MILLISECONDS;
    request.setRequestHeader("Accept", "text/html");
    request.upload.addEventListener("progress", (event) => event.lengthComputable && bar.show(sent, event));
    request.addEventListener("load", () => done({ status: request.status, url: request.responseURL, text: request.responseText }));
    for (const failure of ["error", "timeout", "abort"]) request.addEventListener(failure, () => failed(new Error(failure)));
    request.send(body);
  });
}

class Bar {
  /** Bytes of all slices; 0 while one request is all there is. */
  total = 0;

  constructor(private readonly line: HTMLElement | null) {}

  show(sent: number, event: ProgressEvent): void {
    const whole = Math.max(this.total, sent + event.total);
    const percent = Math.min(100, Math.floor((100 * (sent + event.loaded)) / whole));
    const bar = this.line?.querySelector("progress");
    if (bar) bar.value = percent;
    const text = this.line?.querySelector("[data-progress-text]");
    if (text) text.textContent = percent < 100 ? `${percent} %` : "Sent. The server reads it.";
  }
}

/** A 303 was followed already: its page is where to go. A refusal brings its own sentence. */
function finished(answer: Sent): void {
  if (answer.status < 400) {
    location.assign(answer.url);
    return;
  }
  const page = new DOMParser().parseFromString(answer.text, "text/html");
  const words = page.querySelector("[data-problem], main .field-error, .error-text, main p")?.textContent?.trim();
  toast(words || `The server refused the upload (${answer.status}).`, "bad");
}
