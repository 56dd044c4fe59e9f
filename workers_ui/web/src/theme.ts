/** Changes the theme at once; the cookie lets the server render the next page in it, without a flash. */

const NEXT: Record<string, string> = { auto: "light", light: "dark", dark: "auto" };
const YEAR_SECONDS = 31_536_000;

function setTheme(button: HTMLButtonElement): void {
  const theme = button.value;
  const next = NEXT[theme] ?? "auto";
  document.documentElement.dataset.theme = theme;
  document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax`;
  button.value = next;
  button.setAttribute("aria-label", `Theme: ${theme}. Change to ${next}.`);
}

export function toggleTheme(): void {
  const button = document.querySelector<HTMLButtonElement>(".theme-button");
  if (button) setTheme(button);
}

export function startTheme(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches(".theme-form")) return;
    event.preventDefault();
    toggleTheme();
  });
}
