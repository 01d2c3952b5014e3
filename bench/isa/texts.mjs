// Texts of compilers (RADV, NVK, Turnip, ANV) as instructions { name, operands, label, target } in their order.
// Labels stand before what they name.

export const readers = {
  // RADV, by LLVM's disassembler: "BB3:", "\tv_fma_f32 v1, v2, v3, v4   ; bytes"
  Assembly(text) {
    return text.split("\n").flatMap((line) => {
      const label = /^(BB\d+):/.exec(line);
      if (label) return [{ label: label[1] }];
      const body = /^\t([a-z]\w+)\s*([^;]*)/.exec(line);
      if (!body) return [];
      const target = /^s_c?branch/.test(body[1]) ? /BB\d+/.exec(body[2])?.[0] : undefined;
      return [{ name: body[1], operands: body[2].trim(), target, ends: /^s_(branch|endpgm)$/.test(body[1]) }];
    });
  },
  // NVK: "block 3 L9 [2] -> {", "@!p0  r4 = ffma.ftz r1 r2 r3  // delay=1", "} -> [4, 10]"
  "NAK assembly"(text) {
    return text.split("\n").flatMap((line) => {
      const label = /^block\S* \d+ (L\d+)/.exec(line);
      if (label) return [{ label: label[1] }];
      if (!/^[ @]/.test(line) || line.startsWith("}")) return [];
      const [code, note = ""] = line.split("//");
      const bare = code.replace(/^\s*@!?\S+/, "").trim();
      const always = !/^\s*@/.test(code) && /^(bra pT |exit)/.test(bare);
      const parts = /^(?:(.*?)\s+=\s+)?(\S+)(.*)$/.exec(bare);
      if (!parts || parts[2] === "}") return [];
      const target = parts[2] === "bra" ? /L\d+/.exec(parts[3])?.[0] : undefined;
      return [
        {
          name: parts[2],
          operands: parts[3].trim(),
          to: parts[1] ?? "",
          target,
          ends: always,
          delay: Number(/delay=(\d+)/.exec(note)?.[1] ?? 0),
        },
      ];
    });
  },
  // Turnip: "l53:", "(sy)(ss)(rpt3)mad.f32 r1.x, (r)r2.x, r3.x, (r)r4.x"
  "IR3 Assembly"(text) {
    return text.split("\n").flatMap((line) => {
      const label = /^(l\d+):/.exec(line);
      if (label) return [{ label: label[1] }];
      const body = /^((?:\(\w+\))*)([a-z][\w.]*)\s*(.*)$/.exec(line.trim());
      if (!body || /^(shps|shpe|getone)/.test(body[2])) return [];
      const times = 1 + Number(/\(rpt(\d)\)/.exec(body[1])?.[1] ?? 0);
      const nops = Number(/\(nop(\d)\)/.exec(body[1])?.[1] ?? 0);
      const target = /^(br|jump|bany|ball|brao|braa)/.test(body[2]) ? /#(l\d+)/.exec(body[3])?.[1] : undefined;
      return [
        {
          name: body[2],
          operands: body[3],
          target,
          ends: /^(jump|end)$/.test(body[2]),
          times,
          nops,
          waits: /\((sy|ss)\)/.test(body[1]),
        },
      ];
    });
  },
  // ANV: "LABEL36:", "(-f0.0) while(16) JIP:  LABEL36", "mad(16)  g10<1>F  g8<8,8,1>F ..."; messages go on in a second line
  "GEN Assembly"(text) {
    const lines = text.split("\n");
    const found = lines.flatMap((line, i) => {
      const label = /^(LABEL\d+):/.exec(line);
      if (label) return [{ label: label[1] }];
      const body = /^(\([^)]*\)\s*)?([a-z][\w.]*)(?: \w+)?\((\d+)\)\s*(.*)$/.exec(line);
      if (!body) return [];
      const [, , name, width, operands] = body;
      // Lanes that leave a loop wait at its end: code behind it follows the turn back.
      const target = /^(if|else|while|break|continue|goto|brd)/.test(name) ? /LABEL\d+/.exec(operands)?.[0] : undefined;
      const message = name.startsWith("send") ? (lines[i + 1] ?? "").trim() : "";
      return [{ name, operands, message, target, ends: name === "else", width: Number(width) }];
    });
    // Xe2 computes 16 lanes a cycle and runs 32 invocations a thread, its forerunners 8 and at most 16 here.
    const dispatch = Math.max(...found.map((x) => x.width ?? 1));
    const native = dispatch === 32 ? 16 : 8;
    return found.map((x) => ({ ...x, cycles: Math.max(1, (x.width ?? 1) / native), part: (x.width ?? 1) / dispatch }));
  },
};
