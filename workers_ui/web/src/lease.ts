/** Time on the page: the lease countdown by the server's clock, and due times kept current. */

import { onPage, serverNow } from "./page";

const SOON_SECONDS = 120;
const NOW_SECONDS = 30;
const DUE_REFRESH_MILLISECONDS = 15_000;

/** The server renders the text, so nothing moves when this starts. */
class Lease extends HTMLElement {
  private timer = 0;
  private warned = Number.POSITIVE_INFINITY;
  private running = true;

  static observedAttributes = ["deadline"];

  connectedCallback(): void {
    this.timer = window.setInterval(() => this.tick(), 1000);
    this.tick();
  }

  disconnectedCallback(): void {
    window.clearInterval(this.timer);
  }

  /** An extension, or a new first reply's time: the warnings start anew, and what was frozen thaws. */
  attributeChangedCallback(_name: string, before: string | null): void {
    this.warned = Number.POSITIVE_INFINITY;
    if (before !== null) this.say("");
    if (before !== null) this.tick();
  }

  private tick(): void {
    const deadline = Date.parse(this.getAttribute("deadline") ?? "");
    if (Number.isNaN(deadline)) return;
    const seconds = Math.max(0, Math.floor((deadline - serverNow()) / 1000));
    const text = this.querySelector("time");
    if (text) text.textContent = `${countdown(seconds)} left`;
    this.dataset.urgency = urgency(seconds);
    this.warn(seconds);
    if (seconds > 0 === this.running) return;
    this.running = seconds > 0;
    document.dispatchEvent(new CustomEvent(this.running ? "hc:lease-runs" : "hc:lease-over"));
  }

  private warn(seconds: number): void {
    for (const [limit, words] of WARNINGS) {
      if (seconds > limit || this.warned <= limit) continue;
      this.warned = limit;
      this.say(words);
      return;
    }
  }

  /** An alert that also stands there to be read: each warning once, over whatever is being read out. */
  private say(words: string): void {
    const line = document.querySelector(".lease-warning");
    if (line && line.textContent !== words) line.textContent = words;
  }
}

/** The latest first: who opens the desk with 20 seconds left is not told of two minutes. */
const WARNINGS: ReadonlyArray<readonly [number, string]> = [
  [0, "Time is over. Your text is kept."],
  [NOW_SECONDS, "Under 30 seconds left. Your text is kept."],
  [SOON_SECONDS, "Under 2 minutes left on this ticket."],
];

function urgency(seconds: number): string {
  if (seconds <= 0) return "over";
  if (seconds <= NOW_SECONDS) return "now";
  return seconds <= SOON_SECONDS ? "soon" : "calm";
}

function countdown(total: number): string {
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = String(total % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

/** The same words as the server's `due` filter. */
function span(total: number): string {
  const minutes = Math.floor(total / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

export function refreshDueTimes(): void {
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[data-due]")) {
    const seconds = Math.floor((Date.parse(time.dateTime) - serverNow()) / 1000);
    time.textContent = seconds >= 0 ? `due in ${span(seconds)}` : `${span(-seconds)} late`;
    time.toggleAttribute("data-late", seconds < 0);
  }
}

export function startDueTimes(): void {
  if (!customElements.get("hc-lease")) customElements.define("hc-lease", Lease);
  onPage(refreshDueTimes);
  window.setInterval(refreshDueTimes, DUE_REFRESH_MILLISECONDS);
}
