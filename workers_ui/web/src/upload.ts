/** Uploads with a progress bar; without script the same form posts by itself. */

import { toast } from "./page";

const TIMEOUT_MILLISECONDS = 10 * 60 * 1000;

function send(form: HTMLFormElement): void {
  const line = form.querySelector<HTMLElement>("[data-upload-progress]");
  const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.timeout = TIMEOUT_MILLISECONDS;
  request.setRequestHeader("Accept", "text/html");
  request.upload.addEventListener("progress", (event) => progress(line, event));
  request.addEventListener("load", () => finished(request));
  for (const failure of ["error", "timeout", "abort"]) {
    request.addEventListener(failure, () => {
      toast("The upload did not finish. Nothing was changed; try again.", "bad");
    });
  }
  request.addEventListener("loadend", () => {
    if (button) button.disabled = false;
    if (line) line.hidden = true;
  });
  if (button) button.disabled = true;
  if (line) line.hidden = false;
  request.send(new FormData(form));
}

function progress(line: HTMLElement | null, event: ProgressEvent): void {
  if (!line || !event.lengthComputable) return;
  const percent = Math.floor((100 * event.loaded) / event.total);
  const bar = line.querySelector("progress");
  if (bar) bar.value = percent;
  const text = line.querySelector("[data-progress-text]");
  if (text) text.textContent = percent < 100 ? `${percent} %` : "Sent. The server reads it.";
}

/** A 303 was followed already: its page is where to go. A refusal brings its own sentence. */
function finished(request: XMLHttpRequest): void {
  if (request.status < 400) {
    location.assign(request.responseURL);
    return;
  }
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const words = page.querySelector("[data-problem], .field-error")?.textContent?.trim();
  toast(words || `The server refused the upload (${request.status}).`, "bad");
}

export function startUpload(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches("[data-upload]")) return;
    event.preventDefault();
    send(form);
  });
}
