import { randomBytes } from 'node:crypto';
import { badInput } from '../core/index.ts';
import { parseRows, requiredSql, sql, type SqlStatement } from '../database/index.ts';
import type { Ledger } from '../ledger/index.ts';
import { armAt, isHeldOut, placeOf } from './assign.ts';
import { defineExperiment, type ExperimentDefinition, type ExperimentInput } from './definition.ts';
import { closeDue } from './close-due.ts';
import { EXPERIMENT_ROW, liveOf, stateText, type LiveExperiment } from './live-experiment.ts';
import { createSteadyClock } from './steady-clock.ts';

const LAST_ANSWERS_MS = 3_600_000;

/** By what a unit may be known, as applications write it; it is hashed here. */
export interface UnitNames {
  readonly user?: string | undefined;
  readonly episode?: string | undefined;
  /** The id of the answer: the last resort. */
  readonly request: string;
}

/** What a request gets, and what is written in the transaction that begins its record. */
export interface Choice {
  readonly model: string;
  readonly exposure: readonly SqlStatement[];
}

export interface ExperimentsOptions {
  /** Whether a model answers now; default: all do (a command looks at a store without models). */
  readonly isLoaded?: (model: string) => boolean;
  /** What an alias points to now; default: what the store says. */
  readonly targetOf?: (alias: string) => string | undefined;
  /** What an operator should know. */
  readonly onNote?: (note: string) => void;
  /** Milliseconds that pass whatever the wall shows. Default performance.now. */
  readonly elapsed?: () => number;
}

/** The experiments of a store. */
export interface Experiments {
  /** Throws bad-input with every problem, and where another runs on the alias. */
  create(input: ExperimentInput, actor: string): Promise<LiveExperiment>;
  /** Newest first. */
  list(): readonly LiveExperiment[];
  /** By id or key. */
  find(id: string): LiveExperiment | undefined;
  /** The same; throws bad-input where there is none. */
  need(id: string): LiveExperiment;
  /** Lets more units take part. Throws bad-input for less, and where it does not run. */
  widen(id: string, traffic: number, actor: string): Promise<LiveExperiment>;
  /** Throws bad-input where it is stopped already. */
  stop(id: string, reason: string, actor: string): Promise<LiveExperiment>;
  /** Which model answers; undefined: what the name points to, since no experiment takes this request. */
  choose(alias: string, asker: UnitNames): Choice | undefined;
  /** Why an experiment takes no units though it runs; null where it does. */
  problemOf(experiment: LiveExperiment): string | null;
  /** Closes the units whose window has ended, in the order of their exposure. */
  tick(): Promise<void>;
}

/**
 * Opens the experiments of a store: what was learned stands there, so a server that begins again has the same numbers.
 *
 * @example
 * ```ts run
 * import { EXPERIMENT_BODY } from 'preftune/api';
 * import { openExperiments } from 'preftune/experiments';
 * import { openLedger } from 'preftune/ledger';
 *
 * const ledger = await openLedger('store');
 * const experiments = await openExperiments(ledger);
 * const input = EXPERIMENT_BODY.parse({ key: 'friendlier', control: 'base', candidates: ['friendly'] });
 * const { status } = await experiments.create(input, 'ann');
 * const choice = experiments.choose('prod', { user: 'user-42', request: 'chatcmpl-1' });
 * console.log(status, ['base', 'friendly'].includes(choice?.model ?? '')); // running true
 * await ledger.close();
 * ```
 */
export async function openExperiments(ledger: Ledger, options: ExperimentsOptions = {}): Promise<Experiments> {
  const { room } = ledger;
  const { isLoaded = () => true, onNote = () => undefined, elapsed = () => performance.now() } = options;
  const all = new Map<string, LiveExperiment>();
  const rows = parseRows(EXPERIMENT_ROW, await room.database.read(sql('SELECT * FROM experiments ORDER BY seq')));
  for (const row of rows) all.set(row.id, liveOf(row));
  const lasts = [...all.values()].map(({ steadyAt }) => steadyAt);
  const clock = createSteadyClock({
    now: room.now,
    elapsed,
    last: lasts.length === 0 ? undefined : Math.max(...lasts),
  });
  const running = new Map<string, LiveExperiment>();
  for (const one of all.values()) if (one.status === 'running') running.set(one.definition.alias, one);
  /** Notes that stand, so that each is told once. */
  const told = new Map<string, string>();

  const find = (id: string): LiveExperiment | undefined =>
    all.get(id) ?? [...all.values()].find(({ definition }) => definition.key === id);
  const need = (id: string): LiveExperiment => {
    const found = find(id);
    if (found !== undefined) return found;
    const keys = [...all.values()].map(({ definition }) => definition.key);
    throw badInput({
      path: 'id',
      message: `id: must be that of an experiment, got ${JSON.stringify(id.slice(0, 100))}; ${keys.length === 0 ? 'there is none yet' : `there are ${keys.slice(-10).join(', ')}`}`,
    });
  };
  const needRunning = (id: string): LiveExperiment => {
    const found = need(id);
    if (found.status === 'running') return found;
    throw badInput({ path: 'id', message: `${found.definition.key} is stopped already: ${found.reason ?? ''}` });
  };

  const problemOf = ({ definition, status }: LiveExperiment): string | null => {
    if (status !== 'running') return null;
    const missing = definition.arms.filter((arm) => !isLoaded(arm));
    if (missing.length > 0)
      return `${[...new Set(missing)].join(', ')} is not loaded: every request gets what ${definition.alias} points to until it is; load it, or stop the experiment`;
    const target = options.targetOf?.(definition.alias);
    if (target !== undefined && target !== definition.arms[0])
      return `${definition.alias} points to ${target} now, and no longer to the control ${definition.arms[0]!}; stop the experiment, or point it back`;
    if (ledger.log === 'off') return 'the server keeps nothing of requests (--log off); start it with --log metadata';
    return null;
  };

  const tellOnce = (experiment: LiveExperiment): string | null => {
    const problem = problemOf(experiment);
    if (problem === null) told.delete(experiment.id);
    else if (told.get(experiment.id) !== problem) {
      told.set(experiment.id, problem);
      onNote(`experiment ${experiment.definition.key} takes no units: ${problem}`);
    }
    return problem;
  };

  const stop: Experiments['stop'] = async (id, reason, actor) => {
    const experiment = needRunning(id);
    const at = room.now();
    const results = await room.audit({ actor, action: 'experiment.stop', subject: experiment.id, detail: { reason } }, [
      requiredSql(
        "UPDATE experiments SET status = 'stopped', stopped_at = ?, reason = ? WHERE id = ? AND status = 'running'",
        at,
        reason,
        experiment.id,
      ),
    ]);
    if (results === undefined) throw badInput('somebody else stopped it meanwhile');
    running.delete(experiment.definition.alias);
    const stopped = { ...experiment, status: 'stopped' as const, stoppedAt: at, reason };
    all.set(experiment.id, stopped);
    return stopped;
  };

  /** Stopped, and nothing will come any more. */
  const settled = new Set<string>();
  let working: Promise<void> = Promise.resolve();
  const work = async (): Promise<void> => {
    for (const { id } of all.values()) {
      const before = all.get(id)!;
      if (settled.has(id)) continue;
      const change = await closeDue(before, { room, now: clock.read() });
      // It may have been stopped or widened meanwhile.
      all.set(id, { ...all.get(id)!, ...change });
      const now = all.get(id)!;
      // An answer that was under way when it was stopped is exposed when it ends.
      if (now.stoppedAt !== null && now.open === 0 && room.now() - now.stoppedAt > LAST_ANSWERS_MS) settled.add(id);
      if (now.status === 'running' && now.closed + now.crossed + now.open >= now.definition.budget)
        await stop(id, `its budget of ${now.definition.budget} units is used up`, 'preftune');
    }
  };

  return {
    async create(input, actor) {
      const aliases = await ledger.versions.aliases();
      const target = options.targetOf?.(input.alias) ?? aliases[input.alias];
      const definition = defineExperiment(input, target);
      requireFree(definition, { all, running, isLoaded });
      const id = `exp-${randomBytes(9).toString('hex')}`;
      const row = {
        id,
        created_at: room.now(),
        definition: JSON.stringify(definition),
        traffic: input.traffic,
        status: 'running' as const,
        stopped_at: null,
        reason: null,
        state: '{}',
      };
      const live = liveOf({ ...row, state: stateText({ ...liveOf(row), steadyAt: clock.read() }) });
      await room.audit({ actor, action: 'experiment.create', subject: id, detail: { key: definition.key } }, [
        sql(
          'INSERT INTO experiments (id, key, alias, created_at, definition, traffic, status, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
          id,
          definition.key,
          definition.alias,
          row.created_at,
          row.definition,
          row.traffic,
          row.status,
          stateText(live),
        ),
      ]);
      all.set(id, live);
      running.set(definition.alias, live);
      return live;
    },
    list: () => [...all.values()].toReversed(),
    find,
    need,
    async widen(id, traffic, actor) {
      const experiment = needRunning(id);
      if (!(traffic > experiment.traffic && traffic <= 1))
        throw badInput({
          path: 'traffic',
          message: `traffic: must grow, from ${experiment.traffic} to at most 1, got ${traffic}; less would take people out who are in`,
        });
      await room.audit({ actor, action: 'experiment.widen', subject: experiment.id, detail: { traffic } }, [
        sql('UPDATE experiments SET traffic = ? WHERE id = ?', traffic, experiment.id),
      ]);
      const wider = { ...all.get(experiment.id)!, traffic };
      all.set(experiment.id, wider);
      running.set(experiment.definition.alias, wider);
      return wider;
    },
    stop,
    choose(alias, asker) {
      const experiment = running.get(alias);
      if (experiment === undefined || tellOnce(experiment) !== null) return undefined;
      const { definition, traffic } = experiment;
      const units = unitsOf(asker, room.hashUser);
      const unit = units[0]!;
      if (isHeldOut(alias, unit, definition.holdout)) return undefined;
      const arm = armAt(placeOf(definition.key, unit), definition.shares, traffic);
      if (arm === undefined) return undefined;
      return {
        model: definition.arms[arm]!,
        exposure: exposureOf(experiment.id, {
          units,
          arm,
          propensity: definition.shares[arm]!,
          request: asker.request,
          steadyAt: clock.read(),
        }),
      };
    },
    problemOf,
    tick: () => {
      const mine = working.then(work);
      working = mine.catch(() => undefined);
      return mine;
    },
  };
}

interface Others {
  readonly all: ReadonlyMap<string, LiveExperiment>;
  readonly running: ReadonlyMap<string, LiveExperiment>;
  readonly isLoaded: (model: string) => boolean;
}

function requireFree({ key, alias, arms }: ExperimentDefinition, { all, running, isLoaded }: Others): void {
  const other = running.get(alias);
  const problems = [
    ...([...all.values()].some(({ definition }) => definition.key === key)
      ? [
          {
            path: 'key',
            message: `key: ${key} was used before; take another, since it is what the coin is tossed with`,
          },
        ]
      : []),
    ...(other === undefined
      ? []
      : [{ path: 'alias', message: `alias: ${other.definition.key} runs on ${alias} already; stop it first` }]),
    ...[...new Set(arms)]
      .filter((arm) => !isLoaded(arm))
      .map((arm) => ({ path: 'candidates', message: `candidates: ${arm} is not loaded here; load it first` })),
  ];
  if (problems.length > 0) throw badInput(problems);
}

/** The unit first; then what the same person may have been known by before. */
function unitsOf({ user, episode, request }: UnitNames, hash: (name: string) => string): readonly string[] {
  const byEpisode = episode === undefined ? [] : [`episode-${hash(`episode\0${episode}`)}`];
  if (user !== undefined) return [hash(user), ...byEpisode];
  return byEpisode.length > 0 ? byEpisode : [`request-${request}`];
}

/**
 * Nothing is written where the answer itself is not (its user was erased meanwhile). A person who was known by an episode alone and stands in another arm since is seen in
 * two arms: both units are marked.
 */
function exposureOf(
  id: string,
  {
    units,
    arm,
    propensity,
    request,
    steadyAt,
  }: {
    readonly units: readonly string[];
    readonly arm: number;
    readonly propensity: number;
    readonly request: string;
    readonly steadyAt: number;
  },
): SqlStatement[] {
  const [unit, before] = units;
  return [
    sql(
      `INSERT INTO experiment_units (experiment_id, unit, arm, propensity, exposed_at, steady_at)
       SELECT ?, ?, ?, ?, created_at, ? FROM inferences WHERE id = ?
         AND EXISTS (SELECT 1 FROM experiments WHERE id = ?)
       ON CONFLICT (experiment_id, unit) DO NOTHING`,
      id,
      unit,
      arm,
      propensity,
      steadyAt,
      request,
      id,
    ),
    sql(
      `INSERT OR IGNORE INTO experiment_answers (inference_seq, unit_seq)
       SELECT inferences.seq, unit.seq FROM inferences JOIN experiment_units AS unit ON unit.experiment_id = ? AND unit.unit = ?
       WHERE inferences.id = ?`,
      id,
      unit,
      request,
    ),
    ...(before === undefined
      ? []
      : [
          sql(
            `UPDATE experiment_units SET is_crossed = 1 WHERE experiment_id = ? AND unit IN (?, ?) AND closed_at IS NULL
               AND (SELECT count(DISTINCT arm) FROM experiment_units WHERE experiment_id = ? AND unit IN (?, ?)) > 1`,
            id,
            unit,
            before,
            id,
            unit,
            before,
          ),
        ]),
  ];
}
