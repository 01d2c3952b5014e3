import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { say } from "./strings.ts";

/** A part whose code is fetched when it is first shown. */
export function lazy(load: () => Promise<ComponentType>): ComponentType {
  const found = signal<ComponentType | null>(null);
  const failed = signal<string | null>(null);
  let asked = false;
  return function Lazy() {
    if (!asked) {
      asked = true;
      load().then(
        (component) => {
          found.value = component;
        },
        (error: unknown) => {
          asked = false;
          failed.value = String(error);
          // Drawn again once there is a network, which asks anew.
          addEventListener(
            "online",
            () => {
              failed.value = null;
            },
            { once: true },
          );
        },
      );
    }
    const Found = found.value;
    if (Found) return <Found />;
    // Spoken when it comes: what opened it may be far away.
    return (
      <p class="soft" role="status">
        {failed.value ? say("failedLoad", { reason: failed.value }) : say("loading")}
      </p>
    );
  };
}
