/** The part of a V8 CPU profile (node --cpu-prof) that is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  /** Microseconds of an arbitrary clock. */
  readonly startTime: number;
  readonly endTime: number;
  /** The node that ran at each sample, and the microseconds since the sample before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A phase begins where a function first runs, and lasts until the next phase begins. */
export interface PhaseMark {
  readonly phase: string;
  /** Path below the folder of the build, without its ending. */
  readonly file: string;
  readonly functionName: string;
}

/** The way of `preftune dpo` to its first step. The first phase begins with the process. */
export const START_PHASES: readonly PhaseMark[] = [
  { phase: 'open the model, make its tokenizer', file: 'policy/node/open-model', functionName: 'openModel' },
  { phase: 'read and tokenise rows', file: 'train/training-data', functionName: 'loadTrainingData' },
  { phase: 'start the device', file: 'train/session', functionName: 'openSession' },
  { phase: 'read and dequantise weights', file: 'policy/resident-model', functionName: 'loadModel' },
  { phase: 'adapter, fingerprint, reference', file: 'policy/policy', functionName: 'createPolicy' },
  { phase: 'optimizer programs', file: 'train/loop/trainable', functionName: 'createTrainable' },
  { phase: 'training program', file: 'policy/programs', functionName: 'compileBatchProgram' },
  { phase: 'first step', file: 'train/loop/loop', functionName: 'runLoop' },
  { phase: 'checkpoint, artefact, report', file: 'train/checkpoint-files', functionName: 'saveCheckpoint' },
];

export interface PhaseTime {
  readonly phase: string;
  readonly seconds: number;
  /** Of them, seconds in which this thread did nothing but wait: for the device's thread, for files. */
  readonly idleSeconds: number;
}

/** Seconds of each phase of a profile of the main thread. Phases whose function was not seen are left out. */
export function phasesOf(profile: CpuProfile, marks: readonly PhaseMark[]): PhaseTime[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const begins = firstTimes(profile, marks);
  const phases = [
    { phase: 'load modules', begin: 0, idle: 0 },
    ...marks.flatMap(({ phase }, i) => (begins[i] === undefined ? [] : [{ phase, begin: begins[i], idle: 0 }])),
  ].toSorted((a, b) => a.begin - b.begin);
  let at = 0;
  let current = 0;
  profile.samples.forEach((sample, i) => {
    at += profile.timeDeltas[i]!;
    while (current + 1 < phases.length && phases[current + 1]!.begin <= at) current += 1;
    if (nodes.get(sample)?.functionName === '(idle)') phases[current]!.idle += profile.timeDeltas[i]!;
  });
  const total = profile.endTime - profile.startTime;
  return phases.map(({ phase, begin, idle }, i) => ({
    phase,
    seconds: ((phases[i + 1]?.begin ?? total) - begin) / 1e6,
    idleSeconds: idle / 1e6,
  }));
}

/** Microseconds after the start at which each mark's function, or one that it called, was first sampled. */
function firstTimes({ nodes, samples, timeDeltas }: CpuProfile, marks: readonly PhaseMark[]): (number | undefined)[] {
  const below = marks.map(() => new Set<number>());
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const add = (id: number, set: Set<number>): void => {
    if (set.has(id)) return;
    set.add(id);
    for (const child of byId.get(id)?.children ?? []) add(child, set);
  };
  for (const { id, callFrame } of nodes) {
    marks.forEach(({ file, functionName }, i) => {
      if (callFrame.functionName === functionName && callFrame.url.endsWith(`/${file}.js`)) add(id, below[i]!);
    });
  }
  const first: (number | undefined)[] = marks.map(() => undefined);
  let at = 0;
  samples.forEach((sample, s) => {
    at += timeDeltas[s]!;
    below.forEach((set, i) => {
      if (first[i] === undefined && set.has(sample)) first[i] = at;
    });
  });
  return first;
}
