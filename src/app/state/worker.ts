import address from "../worker/main.ts?worker&url";

/** Trusted types, where the browser has them: TypeScript's own declarations do not know of them yet. */
declare const trustedTypes:
  | { createPolicy(name: string, rules: { createScriptURL(): string }): { createScriptURL(input: string): string } }
  | undefined;

/**
 * The page's policy lets no text become a script's address except through this, which gives one address whatever it is
 * asked. The name is in the policy of vite.config.ts, which admits it once.
 */
function trusted(): string {
  if (typeof trustedTypes === "undefined") return address;
  return trustedTypes.createPolicy("chainrule-worker", { createScriptURL: () => address }).createScriptURL("");
}

/**
 * The worker that computes everything. A script of its own in the built page (vite.config.ts), so that it starts while the
 * rest of the page is still fetched and read.
 */
export const worker = new Worker(trusted(), { type: "module" });
