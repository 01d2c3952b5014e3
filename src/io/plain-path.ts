/**
 * The name of a file beside another that names it, or in a folder beside it, without "./" in front; not one elsewhere
 * on the machine. Tells `refuse` why where it is none.
 */
export function requirePlain(path: string, refuse: (why: string) => never): string {
  const parts = path.split("/");
  if (parts[0] === "." && parts.length > 1) parts.shift();
  const outside = /[\\:\0]/.test(path) || parts.some((part) => part === ".." || part === "." || part === "");
  if (outside || path.length > 1000) refuse("only files beside the model are read");
  return parts.join("/");
}
