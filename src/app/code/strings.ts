import { speaker } from "../state/language.ts";

const en = {
  title: "Get this in code",
  intro: "What is on the screen, to run elsewhere: the same net, data, seed and settings.",
  which: "Language",
  library: "TypeScript",
  command: "Command line",
  pytorch: "PyTorch",
  ownData: "Your own data does not travel: put its file in place of data.csv.",
  ownText: "Your own text does not travel: save it as text.txt.",
  ownDocuments: "Your own texts do not travel: put their file in place of text.jsonl.",
  ownTokenizer: "Put your tokenizer.json beside it.",
  fault: "What was broken on purpose is left out.",
  torchNote: "PyTorch draws other random numbers; the rest is alike.",
  link: "Copy a link to this",
  files: "Or as files, with the weights as they are now:",
  "file-model": "Model (JSON)",
  "file-weights": "Weights (safetensors)",
  "file-onnx": "ONNX",
  "file-pytorch": "PyTorch run (zip)",
  "file-receipt": "Receipt of the first step (zip)",
} as const;

export type CodeKey = keyof typeof en;

const zh: Readonly<Record<CodeKey, string>> = {
  title: "导出为代码",
  intro: "把屏幕上的一切带到别处运行：同样的网络、数据、种子和设置。",
  which: "语言",
  library: "TypeScript",
  command: "命令行",
  pytorch: "PyTorch",
  ownData: "你自己的数据不会随代码带走：请把文件放在 data.csv 的位置。",
  ownText: "你自己的文本不会随代码带走：请把它保存为 text.txt。",
  ownDocuments: "你自己的文本不会随代码带走：请把文件放在 text.jsonl 的位置。",
  ownTokenizer: "把你的 tokenizer.json 放在旁边。",
  fault: "故意弄错的地方没有带上。",
  torchNote: "PyTorch 的随机数不同，其余相同。",
  link: "复制这个页面的链接",
  files: "或下载文件，权重为当前的值：",
  "file-model": "模型（JSON）",
  "file-weights": "权重（safetensors）",
  "file-onnx": "ONNX",
  "file-pytorch": "PyTorch 训练（zip）",
  "file-receipt": "第一步的收据（zip）",
};

export const tables = { en, zh };
export const say = speaker<CodeKey>(tables);
