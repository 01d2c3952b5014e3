import "./locale.ts";
import { render } from "preact";
import { App } from "./shell/app.tsx";
import "./shell/tokens.css";
import "./shell/shell.css";
import "./shell/status.css";
import "./shell/controls.css";
import type { Curve } from "./state/curve.ts";
import { preferredLanguage, speak } from "./state/language.ts";
import { live } from "./state/runs.ts";
import { start } from "./state/store.ts";

/** For tests and the curious: the curve's numbers as they were drawn. */
declare global {
  interface Window {
    readonly chainrule: { readonly curve: Curve };
  }
}
Object.defineProperty(window, "chainrule", {
  value: Object.freeze({
    get curve() {
      return live.value.curve;
    },
  }),
});

start({
  // The X-ray looks at a run's own beginning, before it has run away from it.
  gradients: async () => (await import("./gradients/state.ts")).firstCheck(),
});
// Without its Chinese the page still opens, in English.
void speak(preferredLanguage())
  .catch(() => undefined)
  .then(() => render(<App />, document.getElementById("app")!));
