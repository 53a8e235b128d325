/**
 * Quantisation into ggml's super-blocks of 256, bit for bit as its reference does it without weights of importance: every
 * operation in float32 and in the reference's order, since the searches compare sums whose last bits depend on it. (A build
 * that fuses multiply and add chooses otherwise where two candidates are as good as equal.)
 *
 * Source: quantize_row_q4_K_ref with make_qkx2_quants, quantize_row_q6_K_ref with make_qx_quants, of ggml.
 */
import { float16ToFloat32, float32ToFloat16 } from '../../core/index.ts';

const f = Math.fround;
/** Groups whose greatest magnitude is below this are zero. */
const LEAST_MAGNITUDE = 1e-15;

/** The nearest whole number, halves to even; |x| < 2^22. Adding 1.5 * 2^23 leaves no bits for a fraction. */
function nearest(x: number): number {
  return f(x + 12_582_912) - 12_582_912;
}

function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}

/** What a search fills: levels of the best candidate, and of the one that is tried. */
interface Search {
  readonly weights: Float32Array;
  readonly levels: Uint8Array;
  readonly tried: Uint8Array;
  minimum: number;
}

const STEPS_OF_4_BITS = 20;
const TOP = 15;

/** Weighted squared error of scale l + minimum for 32 elements. */
function errorOf(
  x: Float32Array,
  at: number,
  fit: { levels: Uint8Array; weights: Float32Array; scale: number; minimum: number },
): number {
  const { levels, weights, scale, minimum } = fit;
  let error = 0;
  for (let i = 0; i < 32; i++) {
    const difference = f(f(f(scale * levels[i]!) + minimum) - x[at + i]!);
    error = f(error + f(weights[i]! * f(difference * difference)));
  }
  return error;
}

/**
 * Scale and minimum (at most 0; given negated in `search.minimum`) of 32 elements in levels 0 to 15: 21 spacings are tried, each with the
 * weighted least squares fit of its levels, and the one of least error is kept.
 */
function fitScaleAndMinimum(x: Float32Array, at: number, search: Search): number {
  const { weights, levels, tried } = search;
  let [low, high] = [x[at]!, x[at]!];
  let sumW = weights[0]!;
  let sumX = f(sumW * x[at]!);
  for (let i = 1; i < 32; i++) {
    const value = x[at + i]!;
    if (value < low) low = value;
    if (value > high) high = value;
    sumW = f(sumW + weights[i]!);
    sumX = f(sumX + f(weights[i]! * value));
  }
  if (low > 0) low = 0;
  if (high === low) {
    levels.fill(0);
    search.minimum = -low;
    return 0;
  }
  let spacing = f(TOP / f(high - low));
  let scale = f(1 / spacing);
  for (let i = 0; i < 32; i++) levels[i] = clamp(nearest(f(spacing * f(x[at + i]! - low))), 0, TOP);
  let best = errorOf(x, at, { levels, weights, scale, minimum: low });
  for (let step = 0; step <= STEPS_OF_4_BITS; step++) {
    spacing = f(f(f(-1 + f(f(0.1) * step)) + TOP) / f(high - low));
    let [sumL, sumLL, sumXL] = [0, 0, 0];
    for (let i = 0; i < 32; i++) {
      const value = x[at + i]!;
      const level = clamp(nearest(f(spacing * f(value - low))), 0, TOP);
      tried[i] = level;
      const weighted = f(weights[i]! * level);
      sumL = f(sumL + weighted);
      sumLL = f(sumLL + f(weighted * level));
      sumXL = f(sumXL + f(weighted * value));
    }
    const determinant = f(f(sumW * sumLL) - f(sumL * sumL));
    if (!(determinant > 0)) continue;
    let fitted = f(f(f(sumW * sumXL) - f(sumX * sumL)) / determinant);
    let fittedMinimum = f(f(f(sumLL * sumX) - f(sumL * sumXL)) / determinant);
    if (fittedMinimum > 0) {
      fittedMinimum = 0;
      fitted = f(sumXL / sumLL);
    }
    const error = errorOf(x, at, { levels: tried, weights, scale: fitted, minimum: fittedMinimum });
    if (error < best) {
      levels.set(tried);
      best = error;
      scale = fitted;
      // The spacings that follow start from the better minimum.
      low = fittedMinimum;
    }
  }
  search.minimum = -low;
  return scale;
}

/** Weights of 32 elements in the search: root mean square + |x|. */
function fillWeights(x: Float32Array, at: number, weights: Float32Array): void {
  let squares = 0;
  for (let i = 0; i < 32; i++) squares = f(squares + f(x[at + i]! * x[at + i]!));
  const rms = f(Math.sqrt(f(squares / 32)));
  for (let i = 0; i < 32; i++) weights[i] = f(rms + Math.abs(x[at + i]!));
}

/** A float16 into two bytes, and the float32 that it stands for. */
function writeHalf(blocks: Uint8Array, at: number, value: number): number {
  const bits = float32ToFloat16(value);
  blocks[at] = bits & 255;
  blocks[at + 1] = bits >> 8;
  return float16ToFloat32(bits);
}

/** x is about d s q - dmin m in eight groups of 32 with 6-bit s and m. 144 bytes for 256 elements; see dequantizeQ4K. */
export function quantizeQ4K(x: Float32Array, blocks: Uint8Array): void {
  const search: Search = {
    weights: new Float32Array(32),
    levels: new Uint8Array(32),
    tried: new Uint8Array(32),
    minimum: 0,
  };
  const [levels, scales, minimums] = [new Uint8Array(256), new Float32Array(8), new Float32Array(8)];
  for (let at = 0, to = 0; at < x.length; at += 256, to += 144) {
    let [maxScale, maxMinimum] = [0, 0];
    for (let group = 0; group < 8; group++) {
      fillWeights(x, at + 32 * group, search.weights);
      scales[group] = fitScaleAndMinimum(x, at + 32 * group, search);
      minimums[group] = search.minimum;
      levels.set(search.levels, 32 * group);
      maxScale = Math.max(maxScale, scales[group]!);
      maxMinimum = Math.max(maxMinimum, minimums[group]!);
    }
    const perScale = maxScale > 0 ? f(63 / maxScale) : 0;
    const perMinimum = maxMinimum > 0 ? f(63 / maxMinimum) : 0;
    const d = writeHalf(blocks, to, f(maxScale / 63));
    const dmin = writeHalf(blocks, to + 2, f(maxMinimum / 63));
    blocks.fill(0, to + 4, to + 16);
    for (let group = 0; group < 8; group++) {
      const s = Math.min(63, nearest(f(perScale * scales[group]!)) & 255);
      const m = Math.min(63, nearest(f(perMinimum * minimums[group]!)) & 255);
      packSixBits(blocks, to + 4, { group, s, m });
      const scale = f(d * s);
      if (scale === 0) continue;
      const offset = f(dmin * m);
      for (let i = 32 * group; i < 32 * group + 32; i++)
        levels[i] = clamp(nearest(f(f(x[at + i]! + offset) / scale)), 0, TOP);
    }
    for (let pair = 0; pair < 4; pair++)
      for (let j = 0; j < 32; j++)
        blocks[to + 16 + 32 * pair + j] = levels[64 * pair + j]! | (levels[64 * pair + 32 + j]! << 4);
  }
}

/** Scale and minimum of a group into 12 bytes: the first four stand whole, the others in nibbles and the two spare bits. */
function packSixBits(blocks: Uint8Array, at: number, { group, s, m }: { group: number; s: number; m: number }): void {
  if (group < 4) {
    blocks[at + group] = s;
    blocks[at + group + 4] = m;
    return;
  }
  blocks[at + group + 4] = (s & 15) | ((m & 15) << 4);
  blocks[at + group - 4]! |= (s >> 4) << 6;
  blocks[at + group]! |= (m >> 4) << 6;
}

/** The scale of 16 elements in signed levels -32 to 31 (kept from 0 to 63): 19 spacings, weights x^2, least squares. */
function fitScale(x: Float32Array, at: number, levels: Uint8Array): number {
  let [extreme, magnitude] = [0, 0];
  for (let i = 0; i < 16; i++) {
    const value = x[at + i]!;
    if (Math.abs(value) > magnitude) [extreme, magnitude] = [value, Math.abs(value)];
  }
  if (magnitude < LEAST_MAGNITUDE) {
    levels.fill(0);
    return 0;
  }
  let [scale, best] = [0, 0];
  const order = [0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (const step of order) {
    const spacing = f(-f(32 + f(f(0.1) * step)) / extreme);
    let [sumLX, sumLL] = [0, 0];
    for (let i = 0; i < 16; i++) {
      const value = x[at + i]!;
      const level = clamp(nearest(f(spacing * value)), -32, 31);
      const weight = f(value * value);
      sumLX = f(sumLX + f(f(weight * value) * level));
      sumLL = f(sumLL + f(f(weight * level) * level));
    }
    const isBetter = step === 0 || (sumLL > 0 && f(sumLX * sumLX) > f(best * sumLL));
    if (!isBetter) continue;
    for (let i = 0; i < 16; i++) levels[i] = 32 + clamp(nearest(f(spacing * x[at + i]!)), -32, 31);
    scale = sumLL === 0 ? 0 : f(sumLX / sumLL);
    best = f(scale * sumLX);
  }
  return scale;
}

/** x is about d s (q - 32) in sixteen groups of 16 with signed 8-bit s. 210 bytes for 256 elements; see dequantizeQ6K. */
export function quantizeQ6K(x: Float32Array, blocks: Uint8Array): void {
  const [levels, group16, scales] = [new Uint8Array(256), new Uint8Array(16), new Float32Array(16)];
  for (let at = 0, to = 0; at < x.length; at += 256, to += 210) {
    let [extreme, magnitude] = [0, 0];
    for (let group = 0; group < 16; group++) {
      const scale = fitScale(x, at + 16 * group, group16);
      levels.set(group16, 16 * group);
      scales[group] = scale;
      if (Math.abs(scale) > magnitude) [extreme, magnitude] = [scale, Math.abs(scale)];
    }
    if (magnitude < LEAST_MAGNITUDE) {
      blocks.fill(0, to, to + 210);
      continue;
    }
    const perScale = f(-128 / extreme);
    const d = writeHalf(blocks, to + 208, f(1 / perScale));
    for (let group = 0; group < 16; group++) {
      const s = Math.min(127, nearest(f(perScale * scales[group]!)));
      blocks[to + 192 + group] = s;
      const scale = f(d * s);
      if (scale === 0) continue;
      for (let i = 16 * group; i < 16 * group + 16; i++)
        levels[i] = 32 + clamp(nearest(f(x[at + i]! / scale)), -32, 31);
    }
    packLevels(levels, blocks, to);
  }
}

/** 6-bit levels: four quarters of 32 share 64 bytes of nibbles and 32 bytes of pairs, twice. */
function packLevels(levels: Uint8Array, blocks: Uint8Array, to: number): void {
  for (let half = 0; half < 2; half++) {
    const from = 128 * half;
    for (let j = 0; j < 32; j++) {
      const [a, b, c, d] = [levels[from + j]!, levels[from + j + 32]!, levels[from + j + 64]!, levels[from + j + 96]!];
      blocks[to + 64 * half + j] = (a & 15) | ((c & 15) << 4);
      blocks[to + 64 * half + 32 + j] = (b & 15) | ((d & 15) << 4);
      blocks[to + 128 + 32 * half + j] = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6);
    }
  }
}
