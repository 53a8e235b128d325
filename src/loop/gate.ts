/** What a candidate must hold to be let at the traffic. Each limit is a bound that the interval, not the estimate, must keep. */
export interface GateLimits {
  /** Held-out prompts that were compared, at least. */
  readonly minimumPrompts: number;
  /** The win rate's lower bound must be above this. */
  readonly winRateAbove: number;
  /** Mean length over that of the version it must beat; beyond it the win rate at equal length must hold. */
  readonly lengthRatio: number;
  /** KL to the origin, nats a token: the upper bound must stay below. */
  readonly klPerToken: number;
  /** Refusals, repetition, answers that did not end: by how much they may rise, as a share. */
  readonly behaviourMargin: number;
  /** Known answers, instructions: by how much they may fall, as a share. */
  readonly knowledgeMargin: number;
  /** The largest share of the rows that may come from one person. */
  readonly personShare: number;
}

export const GATE_LIMITS: GateLimits = {
  minimumPrompts: 200,
  winRateAbove: 0.5,
  lengthRatio: 1.25,
  klPerToken: 0.25,
  behaviourMargin: 0.02,
  knowledgeMargin: 0.02,
  personShare: 0.02,
};

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

interface Rate {
  readonly rate: number;
  readonly interval: Bounds | null;
}

/** What was measured of a candidate. What is undefined was not measured, which is told and holds the gate where it is needed. */
export interface GateEvidence {
  readonly prompts: number;
  /** Of the candidate against the version it must beat, on prompts that nothing was trained on. */
  readonly winRate?: Rate | undefined;
  readonly lengthControlled?: Rate | undefined;
  readonly lengthRatio?: number | undefined;
  /** Nats a token, from the origin. */
  readonly kl?: { readonly value: number; readonly interval: Bounds | null } | undefined;
  /** Differences (candidate less the version it must beat) by measure: `refusal`, `repetition`, `cut`. */
  readonly behaviour?:
    | Readonly<Record<string, { readonly value: number; readonly interval: Bounds | null }>>
    | undefined;
  /** Differences of shares that must not fall: `facts`, `instructions`. */
  readonly knowledge?:
    | Readonly<Record<string, { readonly value: number; readonly interval: Bounds | null }>>
    | undefined;
  /** Of the rows that it was trained on. */
  readonly largestPersonShare?: number | undefined;
}

export interface GateCheck {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'not_measured';
  /** Without it nothing passes: where it was not measured a person must decide. */
  readonly isNeeded: boolean;
  readonly text: string;
}

export interface GateVerdict {
  /** `held`: nothing speaks against it, but something that is needed was not measured, or cannot be told yet. */
  readonly outcome: 'passed' | 'failed' | 'held';
  readonly text: string;
  readonly checks: readonly GateCheck[];
}

/**
 * Judges what was measured. A check fails where the numbers speak against the candidate, and is `not_measured` where they are missing or too few to tell: thirty prompts
 * prove nothing, whichever way they fell.
 */
export function judgeGate(evidence: GateEvidence, limits: GateLimits = GATE_LIMITS): GateVerdict {
  const checks = [
    winCheck(evidence, limits),
    lengthCheck(evidence, limits),
    klCheck(evidence, limits),
    ...behaviourChecks(evidence, limits),
    ...knowledgeChecks(evidence, limits),
    personCheck(evidence, limits),
  ];
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  const missing = checks.filter(({ outcome, isNeeded }) => outcome === 'not_measured' && isNeeded);
  if (failed.length > 0)
    return { outcome: 'failed', text: `It does not pass: ${failed.map(({ text }) => text).join('; ')}`, checks };
  if (missing.length > 0)
    return { outcome: 'held', text: `A person must decide: ${missing.map(({ text }) => text).join('; ')}`, checks };
  return { outcome: 'passed', text: `It passes: ${checks[0]!.text}`, checks };
}

const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;
const ofRate = ({ rate, interval }: Rate): string =>
  interval === null ? percent(rate) : `${percent(rate)} (${percent(interval.low)} to ${percent(interval.high)})`;

function winCheck({ winRate, prompts }: GateEvidence, { winRateAbove, minimumPrompts }: GateLimits): GateCheck {
  const check = { name: 'win rate', isNeeded: true };
  if (winRate === undefined)
    return { ...check, outcome: 'not_measured', text: 'no comparison with the version that answers now' };
  const text = `it wins ${ofRate(winRate)} on ${prompts} prompts`;
  // Clearly worse is clear on few prompts too.
  if (winRate.interval !== null && winRate.interval.high < winRateAbove) return { ...check, outcome: 'failed', text };
  if (prompts < minimumPrompts)
    return { ...check, outcome: 'not_measured', text: `${text}, of ${minimumPrompts} that are needed` };
  if (winRate.interval === null || winRate.interval.low <= winRateAbove)
    return { ...check, outcome: 'failed', text: `${text}: not clearly more than ${percent(winRateAbove)}` };
  return { ...check, outcome: 'passed', text };
}

function lengthCheck(evidence: GateEvidence, limits: GateLimits): GateCheck {
  const { lengthRatio, lengthControlled } = evidence;
  const check = { name: 'length', isNeeded: true };
  if (lengthRatio === undefined) return { ...check, outcome: 'not_measured', text: 'lengths were not measured' };
  const text = `its answers are ${lengthRatio.toFixed(2)} times as long`;
  if (lengthRatio <= limits.lengthRatio) return { ...check, outcome: 'passed', text };
  const low = lengthControlled?.interval?.low;
  if (lengthControlled !== undefined && low !== undefined && low > limits.winRateAbove)
    return {
      ...check,
      outcome: 'passed',
      text: `${text}, and at equal length it still wins ${ofRate(lengthControlled)}`,
    };
  return {
    ...check,
    outcome: 'failed',
    text: `${text} (at most ${limits.lengthRatio}), and it does not clearly win at equal length`,
  };
}

function klCheck({ kl }: GateEvidence, { klPerToken }: GateLimits): GateCheck {
  const check = { name: 'distance', isNeeded: true };
  if (kl === undefined) return { ...check, outcome: 'not_measured', text: 'KL from the first model was not measured' };
  const text = `it is ${kl.value.toFixed(3)} nats a token from the first model`;
  const high = kl.interval?.high ?? kl.value;
  return high <= klPerToken
    ? { ...check, outcome: 'passed', text }
    : { ...check, outcome: 'failed', text: `${text} (up to ${high.toFixed(3)}; at most ${klPerToken})` };
}

const BEHAVIOUR = { refusal: 'refusals', repetition: 'repetition', cut: 'answers that did not end' } as const;

function behaviourChecks({ behaviour }: GateEvidence, { behaviourMargin }: GateLimits): GateCheck[] {
  return Object.entries(BEHAVIOUR).map(([measure, name]) => {
    const difference = behaviour?.[measure];
    const check = { name, isNeeded: measure === 'refusal' };
    if (difference === undefined) return { ...check, outcome: 'not_measured', text: `${name} were not measured` };
    const high = difference.interval?.high ?? difference.value;
    const text = `${name} ${signed(difference.value)}`;
    if (high <= behaviourMargin) return { ...check, outcome: 'passed', text };
    const isClear = (difference.interval?.low ?? difference.value) > behaviourMargin;
    return isClear
      ? { ...check, outcome: 'failed', text: `${text} (at most ${signed(behaviourMargin)})` }
      : {
          ...check,
          outcome: 'not_measured',
          text: `${text}, up to ${signed(high)}: too few answers to tell that it is at most ${signed(behaviourMargin)}`,
        };
  });
}

function knowledgeChecks({ knowledge = {} }: GateEvidence, { knowledgeMargin }: GateLimits): GateCheck[] {
  return Object.entries(knowledge).map(([name, difference]) => {
    const check = { name, isNeeded: true };
    const text = `${name} ${signed(difference.value)}`;
    const low = difference.interval?.low ?? difference.value;
    if (low >= -knowledgeMargin) return { ...check, outcome: 'passed', text };
    const isClear = (difference.interval?.high ?? difference.value) < -knowledgeMargin;
    return isClear
      ? { ...check, outcome: 'failed', text: `${text} (at least ${signed(-knowledgeMargin)})` }
      : { ...check, outcome: 'not_measured', text: `${text}, down to ${signed(low)}: too few questions to tell` };
  });
}

function personCheck({ largestPersonShare: share }: GateEvidence, { personShare }: GateLimits): GateCheck {
  const check = { name: 'people', isNeeded: false };
  if (share === undefined) return { ...check, outcome: 'not_measured', text: 'it is not known who the rows came from' };
  const text = `the most rows of one person are ${percent(share)}`;
  return share <= personShare
    ? { ...check, outcome: 'passed', text }
    : { ...check, outcome: 'failed', text: `${text} (at most ${percent(personShare)})` };
}

/** In points of a hundred, with its sign. */
function signed(share: number): string {
  const points = Number((100 * share).toFixed(1));
  return `${points >= 0 ? '+' : ''}${points} points`;
}
