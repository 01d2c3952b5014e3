/** Names with commas between; one in double quotes may hold commas, and doubled quotes. */
export function namesOf(list: string): string[] {
  const names: string[] = [];
  for (const [, field, comma] of list.matchAll(/(\s*"(?:[^"]|"")*"\s*(?=,|$)|[^,]*)(,|$)/g)) {
    const name = field!.trim();
    names.push(/^".*"$/s.test(name) ? name.slice(1, -1).replaceAll('""', '"') : name);
    if (comma === "") break;
  }
  return names;
}

/** Such a list of names. */
export const nameList = (names: readonly string[]): string =>
  names.map((name) => (/[",]|^\s|\s$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(", ");
