/** Rows that the stream brings must pass the filters of the page, which the server has applied to the others. */

/** Whether `row` belongs in `list`; the facts of both are attributes that the server wrote. */
export function passes(row: HTMLElement, list: HTMLElement): boolean {
  const { onlyBrand, onlyChannel, onlyLanguage, onlySkill, lowestPay, longest } = list.dataset;
  const { brand, channel, language, skill, pay, minutes } = row.dataset;
  if (onlyBrand && brand !== onlyBrand) return false;
  if (onlyChannel && channel !== onlyChannel) return false;
  if (onlySkill && skill !== onlySkill) return false;
  if (onlyLanguage && language?.split("-")[0]?.toLowerCase() !== onlyLanguage) return false;
  if (Number(lowestPay) > Number(pay)) return false;
  return !Number(longest) || Number(minutes) <= Number(longest);
}
