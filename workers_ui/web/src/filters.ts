/** Rows of the stream are the same for everybody: what this worker filtered out, hid or skipped is left out here. */

const SKIPPED_KEY = "hc-skipped";
const SKIPPED_KEPT = 200;

/** Whether `row` belongs in `list`; the facts of both are attributes that the server wrote. */
export function passes(row: HTMLElement, list: HTMLElement): boolean {
  const { onlyBrand, onlyChannel, onlyLanguage, onlySkill, lowestPay, longest, notBrands } = list.dataset;
  const { brand, channel, language, skill, pay, minutes } = row.dataset;
  if (notBrands?.split(" ").includes(brand ?? "") || skipped().includes(row.dataset.ticket ?? "")) return false;
  if ("newcomersFirst" in row.dataset && "noNewcomer" in list.dataset) return false;
  if (onlyBrand && brand !== onlyBrand) return false;
  if (onlyChannel && channel !== onlyChannel) return false;
  if (onlySkill && skill !== onlySkill) return false;
  if (onlyLanguage && language?.split("-")[0]?.toLowerCase() !== onlyLanguage) return false;
  if (Number(lowestPay) > Number(pay)) return false;
  return !Number(longest) || Number(minutes) <= Number(longest);
}

function skipped(): string[] {
  return (sessionStorage.getItem(SKIPPED_KEY) ?? "").split(" ");
}

/** What was skipped or given back is not offered again: the server knows, and this tab must not bring it back. */
export function startFilters(): void {
  document.addEventListener("submit", (event) => {
    const ticket = /\/worker\/(?:pool|t)\/([^/]+)\/(?:skip|release)$/.exec(event.submitter?.getAttribute("formaction") ?? (event.target as HTMLFormElement).action)?.[1];
    if (ticket) sessionStorage.setItem(SKIPPED_KEY, [...skipped().slice(-SKIPPED_KEPT), ticket].join(" "));
  });
}
