import { at, begin, float, get, int, put } from "./core";

// @ts-ignore: decorator
@inline
function s(x: f32): v128 {
  return f32x4.splat(x);
}

/** A number of the call in all four lanes. */
// @ts-ignore: decorator
@inline
function arg(call: usize, i: i32): v128 {
  return s(float(call, i));
}

/**
 * One optimizer. (parameters, gradients, control, state 1, state 2, n, weightDecay, keep1, add1, keep2, add2, eps, rates);
 * rates [blocks of 64, 2], where their address is not 0, are factors of the learning rate and the weight decay.
 * `step` does elements o / 4 to o / 4 + count of them. g is the clipped gradient. PyTorch's definitions.
 */
// @ts-ignore: decorator
@unmanaged
class Sgd {
  @inline step(call: usize, o: usize, count: i32, p: v128, g: v128, lr: v128, decay: v128): v128 {
    return f32x4.sub(p, f32x4.mul(lr, f32x4.add(g, f32x4.mul(decay, p))));
  }
}

// @ts-ignore: decorator
@unmanaged
class SgdMomentum {
  @inline step(call: usize, o: usize, count: i32, p: v128, g: v128, lr: v128, decay: v128): v128 {
    g = f32x4.add(g, f32x4.mul(decay, p));
    const s1 = at(call, 3) + o;
    const buffer = f32x4.add(f32x4.mul(arg(call, 7), get(s1, count)), g);
    put(s1, buffer, count);
    return f32x4.sub(p, f32x4.mul(lr, buffer));
  }
}

// @ts-ignore: decorator
@unmanaged
class SgdNesterov {
  @inline step(call: usize, o: usize, count: i32, p: v128, g: v128, lr: v128, decay: v128): v128 {
    g = f32x4.add(g, f32x4.mul(decay, p));
    const s1 = at(call, 3) + o;
    const buffer = f32x4.add(f32x4.mul(arg(call, 7), get(s1, count)), g);
    put(s1, buffer, count);
    return f32x4.sub(p, f32x4.mul(lr, f32x4.add(g, f32x4.mul(arg(call, 7), buffer))));
  }
}

/** lr / correction1 m / (sqrt(v / correction2) + eps), with both moments brought up to date. */
// @ts-ignore: decorator
@inline
function adamMove(call: usize, o: usize, count: i32, g: v128, lr: v128): v128 {
  const s1 = at(call, 3) + o;
  const s2 = at(call, 4) + o;
  const control = at(call, 2);
  const m = f32x4.add(f32x4.mul(arg(call, 7), get(s1, count)), f32x4.mul(arg(call, 8), g));
  const v = f32x4.add(f32x4.mul(arg(call, 9), get(s2, count)), f32x4.mul(f32x4.mul(arg(call, 10), g), g));
  put(s1, m, count);
  put(s2, v, count);
  const root = f32x4.sqrt(f32x4.div(v, s(load<f32>(control, 20))));
  const rate = f32x4.div(lr, s(load<f32>(control, 16)));
  return f32x4.div(f32x4.mul(rate, m), f32x4.add(root, arg(call, 11)));
}

// @ts-ignore: decorator
@unmanaged
class Adam {
  @inline step(call: usize, o: usize, count: i32, p: v128, g: v128, lr: v128, decay: v128): v128 {
    return f32x4.sub(p, adamMove(call, o, count, f32x4.add(g, f32x4.mul(decay, p)), lr));
  }
}

// @ts-ignore: decorator
@unmanaged
class AdamW {
  @inline step(call: usize, o: usize, count: i32, p: v128, g: v128, lr: v128, decay: v128): v128 {
    const decayed = f32x4.sub(p, f32x4.mul(f32x4.mul(lr, decay), p));
    return f32x4.sub(decayed, adamMove(call, o, count, g, lr));
  }
}

/** g / (sqrt(v) + eps), with v brought up to date. */
// @ts-ignore: decorator
@inline
function rmspropMove(call: usize, o: usize, count: i32, g: v128): v128 {
  const s1 = at(call, 3) + o;
  const v = f32x4.add(f32x4.mul(arg(call, 7), get(s1, count)), f32x4.mul(f32x4.mul(arg(call, 8), g), g));
  put(s1, v, count);
  return f32x4.div(g, f32x4.add(f32x4.sqrt(v), arg(call, 11)));
}

// @ts-ignore: decorator
@unmanaged
class RmsProp {
  @inline step(call: usize, o: usize, count: i32, p: v128, g: v128, lr: v128, decay: v128): v128 {
    return f32x4.sub(p, f32x4.mul(lr, rmspropMove(call, o, count, f32x4.add(g, f32x4.mul(decay, p)))));
  }
}

// @ts-ignore: decorator
@unmanaged
class RmsPropMomentum {
  @inline step(call: usize, o: usize, count: i32, p: v128, g: v128, lr: v128, decay: v128): v128 {
    const move = rmspropMove(call, o, count, f32x4.add(g, f32x4.mul(decay, p)));
    const s2 = at(call, 4) + o;
    const buffer = f32x4.add(f32x4.mul(arg(call, 9), get(s2, count)), move);
    put(s2, buffer, count);
    return f32x4.sub(p, f32x4.mul(lr, buffer));
  }
}

// @ts-ignore: decorator
@unmanaged
class Adagrad {
  @inline step(call: usize, o: usize, count: i32, p: v128, g: v128, lr: v128, decay: v128): v128 {
    g = f32x4.add(g, f32x4.mul(decay, p));
    const s1 = at(call, 3) + o;
    const sum = f32x4.add(get(s1, count), f32x4.mul(g, g));
    put(s1, sum, count);
    return f32x4.sub(p, f32x4.div(f32x4.mul(lr, g), f32x4.add(f32x4.sqrt(sum), arg(call, 11))));
  }
}

function update<T>(call: usize, part: i32, parts: i32): void {
  const op = changetype<T>(0);
  const control = at(call, 2);
  if (load<f32>(control, 4) == 0) return;
  const parameters = at(call, 0);
  const gradients = at(call, 1);
  const n = int(call, 5);
  const rates = at(call, 12);
  const rate = load<f32>(control);
  let lr = s(rate);
  let decay = arg(call, 6);
  const clip = s(load<f32>(control, 8));
  const end = begin(n, part + 1, parts, 16);
  let i = begin(n, part, parts, 16);
  for (; i + 4 <= end; i += 4) {
    const o = <usize>i << 2;
    const g = f32x4.mul(v128.load(gradients + o), clip);
    if (rates) {
      const own = rates + (<usize>(i >> 6) << 3);
      lr = s(rate * load<f32>(own));
      decay = s(float(call, 6) * load<f32>(own, 4));
    }
    v128.store(parameters + o, op.step(call, o, 4, v128.load(parameters + o), g, lr, decay));
  }
  if (i < end) {
    const o = <usize>i << 2;
    const g = f32x4.mul(get(gradients + o, end - i), clip);
    if (rates) {
      const own = rates + (<usize>(i >> 6) << 3);
      lr = s(rate * load<f32>(own));
      decay = s(float(call, 6) * load<f32>(own, 4));
    }
    put(parameters + o, op.step(call, o, end - i, get(parameters + o, end - i), g, lr, decay), end - i);
  }
}

export function sgd(call: usize, part: i32, parts: i32): void { update<Sgd>(call, part, parts); }
export function sgdMomentum(call: usize, part: i32, parts: i32): void { update<SgdMomentum>(call, part, parts); }
export function sgdNesterov(call: usize, part: i32, parts: i32): void { update<SgdNesterov>(call, part, parts); }
export function adam(call: usize, part: i32, parts: i32): void { update<Adam>(call, part, parts); }
export function adamw(call: usize, part: i32, parts: i32): void { update<AdamW>(call, part, parts); }
export function rmsprop(call: usize, part: i32, parts: i32): void { update<RmsProp>(call, part, parts); }
export function rmspropMomentum(call: usize, part: i32, parts: i32): void { update<RmsPropMomentum>(call, part, parts); }
export function adagrad(call: usize, part: i32, parts: i32): void { update<Adagrad>(call, part, parts); }

/** (averages, parameters, control, n, rate): averages + rate (parameters - averages), where the gate is open. */
export function movingAverage(call: usize, part: i32, parts: i32): void {
  if (load<f32>(at(call, 2), 4) == 0) return;
  const averages = at(call, 0);
  const parameters = at(call, 1);
  const n = int(call, 3);
  const rate = arg(call, 4);
  const end = begin(n, part + 1, parts, 16);
  for (let i = begin(n, part, parts, 16); i < end; i += 4) {
    const o = <usize>i << 2;
    const a = get(averages + o, end - i);
    put(averages + o, f32x4.add(a, f32x4.mul(rate, f32x4.sub(get(parameters + o, end - i), a))), end - i);
  }
}
