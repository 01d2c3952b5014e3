// What an instruction of each compiler's text counts as.

export const NONE = {
  fma: 0,
  fmaIssued: 0,
  valu: 0,
  mul32: 0,
  trans: 0,
  clamp: 0,
  scalar: 0,
  smem: 0,
  lds: 0,
  ldsBytes: 0,
  vmem: 0,
  vmemBytes: 0,
  matrix: 0,
  wait: 0,
  barrier: 0,
  control: 0,
  spill: 0,
  all: 0,
};
export const sum = (a, b, times = 1) => Object.fromEntries(Object.keys(NONE).map((k) => [k, a[k] + times * b[k]]));

const widthOf = (name) => {
  const bits = /_(?:b|u|i|d)?(32|64|96|128|16|8)$/.exec(name)?.[1] ?? /\.b(\d+)/.exec(name)?.[1];
  if (bits) return Number(bits) / 8;
  const words = /dwordx?(\d)?$/.exec(name);
  return words ? 4 * Number(words[1] ?? 1) : 4;
};

/** What an instruction counts as. */
export const counters = {
  Assembly({ name, operands }) {
    const c = { ...NONE, all: 1 };
    if (name.startsWith("v_dual_")) {
      for (const half of [name, ...(/:: (\w+)/.exec(operands)?.slice(1) ?? [])]) {
        if (/fmac|fmaak|fmamk|fma_/.test(half)) c.fma++;
        else c.valu += 0.5;
      }
      if (c.fma) c.fmaIssued = 1;
      return c;
    }
    if (/^v_(s)?wmma|^v_mfma/.test(name)) c.matrix = 1;
    else if (/^v_pk_fma_f16|^v_dot2/.test(name)) [c.fma, c.fmaIssued] = [2, 1];
    else if (/^v_pk_fma_f32/.test(name)) [c.fma, c.fmaIssued] = [2, 1];
    else if (/^v_(fma|fmac|mad|mac|fmaak|fmamk|madak|madmk)(_mix\w*)?_(legacy_)?f(32|16)/.test(name))
      [c.fma, c.fmaIssued] = [1, 1];
    else if (/^v_fma_mix/.test(name)) [c.fma, c.fmaIssued] = [1, 1];
    else if (/^v_/.test(name)) {
      c.valu = 1;
      if (/^v_(mul_lo_u32|mul_hi_[ui]32|mad_[ui]64|mad_co_[ui]64)/.test(name)) c.mul32 = 1;
      if (/^v_(rcp|rsq|sqrt|exp|log|sin|cos)/.test(name)) c.trans = 1;
      if (/^v_(min|max|med3)/.test(name)) c.clamp = 1;
    } else if (/^ds_/.test(name)) {
      c.lds = 1;
      if (/load|read/.test(name))
        c.ldsBytes = widthOf(name.replace(/_st64/, "")) * (/(load|read)2|2addr/.test(name) ? 2 : 1);
    } else if (/^(buffer|global|flat)_/.test(name)) [c.vmem, c.vmemBytes] = [1, /load/.test(name) ? widthOf(name) : 0];
    else if (/^scratch_/.test(name)) c.spill = 1;
    else if (/^s_(load|buffer_load)/.test(name)) c.smem = 1;
    else if (/^s_wait/.test(name)) c.wait = 1;
    else if (/^s_barrier/.test(name)) c.barrier = 1;
    else if (/^s_(delay_alu|nop|clause|set|sendmsg|endpgm|c?branch|inst_prefetch)/.test(name)) c.control = 1;
    else c.scalar = 1;
    return c;
  },
  "NAK assembly"({ name, to, delay }) {
    const c = { ...NONE, all: 1, wait: Math.max(0, delay - 1) };
    if (/^ffma/.test(name)) [c.fma, c.fmaIssued] = [1, 1];
    else if (/^hfma2/.test(name)) [c.fma, c.fmaIssued] = [2, 1];
    else if (/^[hi]mma/.test(name)) c.matrix = 1;
    else if (/^(ld|st|ldsm)\.?(shared)/.test(name) || /^ldsm/.test(name))
      [c.lds, c.ldsBytes] = [1, /^ld/.test(name) ? widthOf(name) : 0];
    else if (/^(ld|st|atom|red)\.local/.test(name)) c.spill = 1;
    else if (/^(ld|st|atom|red)/.test(name) && !/^ldc/.test(name))
      [c.vmem, c.vmemBytes] = [1, /^ld/.test(name) ? widthOf(name) : 0];
    else if (/^ldc/.test(name)) c.smem = 1;
    else if (/^bar/.test(name)) c.barrier = 1;
    else if (/^(bra|bssy|bsync|bclear|nop|exit|warpsync|bmov|break)/.test(name)) c.control = 1;
    else if (/^u[rp]/.test(to)) c.scalar = 1;
    else {
      c.valu = 1;
      if (/^(imad\.(wide|hi)|imul)/.test(name)) c.mul32 = 1;
      if (/^mufu/.test(name)) c.trans = 1;
      if (/mnmx/.test(name)) c.clamp = 1;
    }
    return c;
  },
  "IR3 Assembly"({ name, operands, times, nops, waits }) {
    const c = { ...NONE, all: times + nops, wait: nops + (waits ? 1 : 0) };
    if (/^mad\.f(32|16)/.test(name)) c.fma = c.fmaIssued = times;
    else if (/^(ldl|stl)/.test(name))
      [c.lds, c.ldsBytes] = [1, /^ldl/.test(name) ? 4 * Number(/, (\d+)$/.exec(operands)?.[1] ?? 1) : 0];
    else if (/^(ldp|stp)/.test(name)) c.spill = 1;
    else if (/^(ldib|ldg|isam|sam|stib|stg|resinfo|ldc)/.test(name))
      [c.vmem, c.vmemBytes] = [
        1,
        /^(ldib|ldg|isam)/.test(name) ? 4 * Number(/\.(\d)d?\.?(\d)?/.exec(name)?.[2] ?? 1) : 0,
      ];
    else if (/^(bar|fence)/.test(name)) c.barrier = 1;
    else if (/^nop/.test(name)) c.wait += times;
    else if (/^(br|jump|end|bany|ball|kill|predt|predf|prede|ret)/.test(name)) c.control = 1;
    else {
      c.valu = times;
      if (/^(min|max)/.test(name)) c.clamp = times;
      if (/^mull|^madsh|^mul\.[us]24/.test(name)) c.mul32 = times;
      if (/^(rcp|rsq|sqrt|exp2|log2|sin|cos)/.test(name)) c.trans = times;
    }
    return c;
  },
  "GEN Assembly"({ name, operands, message, width, cycles, part }) {
    const c = { ...NONE, all: cycles };
    if (/^mad/.test(name) && /<1>F/.test(operands)) [c.fma, c.fmaIssued] = [part, cycles];
    else if (/^dpas/.test(name)) c.matrix = 1;
    else if (/^send/.test(name)) {
      c.all = 1;
      if (/^slm/.test(message))
        [c.lds, c.ldsBytes] = [part, /load/.test(message) ? 4 * part * Number(/V(\d+)/.exec(message)?.[1] ?? 1) : 0];
      else if (/ss \)/.test(message)) c.spill = 1;
      else if (/^gateway/.test(message)) c.barrier = 1;
      else
        [c.vmem, c.vmemBytes] = [part, /load/.test(message) ? 4 * part * Number(/V(\d+)/.exec(message)?.[1] ?? 1) : 0];
    } else if (/^sync/.test(name)) [c.wait, c.all] = [1, 1];
    else if (/^(if|else|endif|while|break|halt|jmpi|goto|join|nop)/.test(name)) [c.control, c.all] = [1, 1];
    else if (width < 8) c.scalar = 1;
    else {
      c.valu = cycles;
      if (/^(mul|mach|macl)/.test(name) && /<1>U?D/.test(operands)) c.mul32 = cycles;
      if (/^math/.test(name)) c.trans = cycles;
      if (/^sel\.(l|ge)/.test(name)) c.clamp = cycles;
    }
    return c;
  },
};
