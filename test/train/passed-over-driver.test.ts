import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packagedHome } from "../../src/platform/packaged.ts";
import { bin } from "../shared/command.ts";

/**
 * A Vulkan driver that is installed and gives no adapter, as Mesa's for a GPU that is not there. Linux alone has drivers by
 * name of a file; where SwiftShader's comes from npm, it serves instead, whatever the machine's own environment names.
 */
test.runIf(packagedHome() !== null)(
  "what a driver says that is passed over is not on the command's stderr",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "chainrule-driver-"));
    const driver = join(folder, "driver.json");
    const ICD = { library_path: join(folder, "no-such-library.so"), api_version: "1.3.0" };
    writeFileSync(driver, JSON.stringify({ file_format_version: "1.0.0", ICD }));
    const file = join(folder, "stderr");
    const stderr = openSync(file, "a+");
    const args = ["--import", "tsx", bin, "train", "xor", "--backend", "webgpu", "--steps", "1"];
    const { status } = spawnSync(process.execPath, args, {
      // Both names of the list: a loader reads the older one only where the newer is not set.
      env: { ...process.env, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, CHAINRULE_ADAPTER: "" },
      stdio: ["ignore", "ignore", stderr],
    });
    closeSync(stderr);
    const lines = readFileSync(file, "utf8").trim().split("\n");
    rmSync(folder, { recursive: true });
    expect(status).toBe(0);
    expect(lines).toContainEqual(expect.stringMatching(/^backend: WebGPU: SwiftShader/));
    expect(lines.filter((line) => /Loader|Vulkan|vk[A-Z]|^ +at /.test(line))).toEqual([]);
  },
  60_000,
);
