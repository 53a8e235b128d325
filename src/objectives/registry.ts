import { badInput, nearestName, shownValue } from '../core/index.ts';
import { aot, aotUnpaired } from './losses/aot.ts';
import { apoDown, apoZero, apoZeroUnpaired } from './losses/apo.ts';
import { bco, bcoPair } from './losses/bco.ts';
import { betaDpo } from './losses/beta-dpo.ts';
import { chiPo } from './losses/chi-po.ts';
import { cpo, simpo } from './losses/cpo.ts';
import type { Loss, LossKind, LossOptionSpecs } from './definition.ts';
import { discopop } from './losses/discopop.ts';
import { dpop } from './losses/dpo-positive.ts';
import { exoPair } from './losses/exo.ts';
import { hinge } from './losses/hinge.ts';
import { ipo, ipoSum } from './losses/ipo.ts';
import { kto } from './losses/kto.ts';
import { rDpo, sigmoidNorm } from './losses/length.ts';
import { ncaPair } from './losses/nca.ts';
import { orpo } from './losses/orpo.ts';
import { tpo, tpoL } from './losses/tpo.ts';
import { plackettLuce, softmaxDpo } from './losses/plackett-luce.ts';
import { robust } from './losses/robust.ts';
import { sft } from './losses/sft.ts';
import { ldDpo, sigmoid, wpo } from './losses/sigmoid.ts';
import { calDpo, sppoHard } from './losses/sppo.ts';
import { tdpo1, tdpo2 } from './losses/tdpo.ts';

/** Every loss by its name, in the order of docs/objectives.md. */
export const LOSSES = {
  sigmoid,
  robust,
  ipo,
  ipo_sum: ipoSum,
  hinge,
  exo_pair: exoPair,
  nca_pair: ncaPair,
  bco_pair: bcoPair,
  sppo_hard: sppoHard,
  aot,
  aot_unpaired: aotUnpaired,
  apo_zero: apoZero,
  apo_down: apoDown,
  discopop,
  sigmoid_norm: sigmoidNorm,
  r_dpo: rDpo,
  ld_dpo: ldDpo,
  dpop,
  beta_dpo: betaDpo,
  wpo,
  tdpo1,
  tdpo2,
  chi_po: chiPo,
  cal_dpo: calDpo,
  cpo,
  simpo,
  orpo,
  sft,
  kto,
  bco,
  apo_zero_unpaired: apoZeroUnpaired,
  plackett_luce: plackettLuce,
  softmax_dpo: softmaxDpo,
  tpo,
  tpo_l: tpoL,
} as const satisfies Record<string, Loss>;

export type LossName = keyof typeof LOSSES;

export function isLossName(name: string): name is LossName {
  return Object.hasOwn(LOSSES, name);
}

/** Names that people know for a loss with options, or for a mixture, and what they stand for. */
export const PRESETS = {
  dpo: 'sigmoid',
  cdpo: 'sigmoid(labelSmoothing=0.1)',
  rso: 'hinge',
  aot_pair: 'aot_unpaired',
  rpo: 'sigmoid:1,sft:1',
  mpo: 'sigmoid:0.8,bco_pair:0.2,sft:1',
} as const satisfies Record<string, string>;

/** What must hold of a name that is no loss, with the nearest one. */
export function unknownLoss(name: string): string {
  const [losses, presets] = [Object.keys(LOSSES), Object.keys(PRESETS)];
  const near = nearestName(name, [...losses, ...presets]);
  const hint = near === undefined ? '' : ` did you mean ${near}?`;
  return `must be the name of a loss, got ${shownValue(name)};${hint} there are ${[...losses, ...presets].join(', ')}`;
}

/** The loss of a name. Throws bad-input listing the known names. */
export function lossNamed(name: string): Loss {
  if (isLossName(name)) return LOSSES[name];
  throw badInput({
    path: 'objective',
    message: `objective: ${unknownLoss(name)}`,
  });
}

/** Every option that a loss of a kind takes, by name; where defaults differ, that of the first loss stands. */
export function lossOptions(kind: LossKind): LossOptionSpecs {
  const losses = Object.values(LOSSES).filter((loss) => loss.kind === kind);
  return Object.assign({}, ...losses.map(({ options }) => options).toReversed()) as LossOptionSpecs;
}
