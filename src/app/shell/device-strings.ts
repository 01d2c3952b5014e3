import { speaker } from "../state/language.ts";

const en = {
  recoverylost: "The GPU was lost at step {step} ({message}). A new one is being asked for; nothing is lost.",
  recoveryrecovered:
    "The GPU was lost and is back after {seconds} s: the run went on from a copy of step {from}, and is at step {step} as if nothing had been.",
  recoveryfaster: "The GPU has compiled and is faster: from step {step} on it has the run.",
  recoverymoved:
    "The GPU was lost and did not come back, so the run goes on on the CPU from step {step}. For the GPU, restart the browser.",
  recoverywaiting:
    "The GPU was lost at step {step} and has not come back ({message}). It is asked for again and again.",
  wrongKernels: "Wrong on this device, and left out: {list}. The run goes on with others that were checked.",
  copyReport: "Copy the report",
} as const;

type DeviceKey = keyof typeof en;

const zh: Readonly<Record<DeviceKey, string>> = {
  recoverylost: "第 {step} 步时 GPU 丢失（{message}）。正在重新申请；进度没有丢。",
  recoveryrecovered:
    "GPU 曾经丢失，{seconds} 秒后恢复：训练从第 {from} 步的副本接着进行，现在到了第 {step} 步，与没有中断过一样。",
  recoveryfaster: "GPU 已编译完成，而且更快：从第 {step} 步起由它继续训练。",
  recoverymoved: "GPU 丢失后没有恢复，训练从第 {step} 步起改在 CPU 上继续。要再用 GPU，请重启浏览器。",
  recoverywaiting: "第 {step} 步时 GPU 丢失，至今没有恢复（{message}）。会不断重新申请。",
  wrongKernels: "在这台设备上算错、已排除的内核：{list}。训练改用通过检查的其他内核。",
  copyReport: "复制报告",
};

export const tables = { en, zh };
export const say = speaker<DeviceKey>(tables);
