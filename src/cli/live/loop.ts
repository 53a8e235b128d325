import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput, type JsonObject, type JsonValue } from '../../core/index.ts';
import { askHolder, isHeld, type StoreRequest } from '../../ledger/index.ts';
import {
  answerLoopRequest,
  evidenceOfComparison,
  GATE_LIMITS,
  judgeGate,
  openLoop,
  type Candidate,
  type CandidateMove,
  type GateVerdict,
  type LoopRequest,
  type Promotion,
} from '../../loop/index.ts';
import { option } from '../../options/index.ts';
import { defineCommand } from '../frame/command.ts';
import { STORE, withStore } from '../store/store-options.ts';

/** Who acts by the commands. */
const ACTOR = 'owner';

const REASON = option(z.string().min(1).max(1000), { help: 'why, for those who look later' });
const MODEL = { name: 'model', help: 'the name that the candidate answers by', isRequired: true } as const;

/** Asks the server that has the store, or does it here where none has. */
async function ask(store: string, request: LoopRequest): Promise<JsonValue> {
  if (isHeld(store)) return askHolder(store, { do: 'room', room: 'loop', request } as StoreRequest);
  return withStore(store, (ledger) => answerLoopRequest(openLoop(ledger), request));
}

interface Status {
  readonly production: string | null;
  readonly candidates: readonly (Candidate & { readonly moves: readonly CandidateMove[] })[];
  readonly promotions: readonly Promotion[];
}

/** `preftune loop status`: what answers, what may come next. */
export const LOOP_STATUS = defineCommand({
  name: 'loop status',
  description: 'Says what answers as prod, what may take its place, and where each candidate stands',
  examples: [
    { does: 'of a team', words: '--store team' },
    { does: 'for a program', words: '--store team --json' },
  ],
  options: z.strictObject({ store: STORE }),
  async run({ store }, { terminal }) {
    const status = (await ask(store, { act: 'status' })) as unknown as Status;
    terminal.result(status as unknown as JsonValue, statusText(status));
  },
});

function statusText({ production, candidates, promotions }: Status): string {
  const [latest] = promotions;
  const since =
    latest === undefined ? '' : ` since ${new Date(latest.at).toISOString().slice(0, 16).replace('T', ' ')}`;
  return [
    production === null ? 'prod stands for no model yet' : `${production} answers as prod${since}`,
    ...(candidates.length === 0 ? ['no candidates'] : []),
    ...candidates.map(({ model, state, moves }) => {
      const reason = moves.at(-1)?.reason;
      return `${model}: ${state}${reason === undefined ? '' : `: ${reason}`}`;
    }),
  ].join('\n');
}

/** `preftune loop add`: a model that may take the place of the one that answers. */
export const LOOP_ADD = defineCommand({
  name: 'loop add',
  description: 'Makes a model a candidate: it may take the place of the one that answers, once its gate lets it',
  arguments: [MODEL],
  examples: [
    { does: 'an adapter that serve has loaded', words: 'friendly --store team' },
    { does: 'against another model than prod', words: 'friendly --store team --parent base' },
  ],
  options: z.strictObject({
    store: STORE,
    parent: option(z.string().min(1).optional(), {
      help: 'the model that it must beat',
      usually: 'what prod stands for',
    }),
  }),
  async run({ store, parent }, { args, terminal }) {
    const added = (await ask(store, {
      act: 'add',
      model: args[0]!,
      ...(parent !== undefined && { parent }),
    })) as unknown as Candidate;
    terminal.result(added as unknown as JsonValue, `${added.model} is a candidate; it must beat ${added.parent}`);
  },
});

/** `preftune loop gate`: a candidate, judged by a comparison. */
export const LOOP_GATE = defineCommand({
  name: 'loop gate',
  description:
    'Judges a candidate by what preftune compare measured, and lets it pass, turns it down, or leaves it to a person',
  arguments: [MODEL],
  examples: [
    { does: 'by a comparison with what answers now', words: 'friendly --store team --comparison comparison' },
    {
      does: 'where it names the models otherwise',
      words: 'friendly --store team --comparison comparison --names base,tuned',
    },
  ],
  options: z.strictObject({
    store: STORE,
    comparison: option(z.string().min(1), { help: 'folder that preftune compare wrote, or its comparison.json' }),
    names: option(z.array(z.string().min(1)).length(2).optional(), {
      help: 'names in the comparison: of the model that it must beat, of the candidate',
      usually: 'their own',
    }),
    dryRun: option(z.boolean().default(false), { help: 'says what the gate finds, and moves nothing' }),
  }),
  async run({ store, comparison, names, dryRun }, { args, terminal }) {
    const model = args[0]!;
    const { candidates, production } = (await ask(store, { act: 'status' })) as unknown as Status;
    const candidate = candidates.find((one) => one.model === model);
    if (candidate === undefined)
      throw badInput(
        `loop gate: the model must be a candidate, got ${model}; preftune loop add ${model} --store ${store}`,
      );
    const file = comparison.endsWith('.json') ? comparison : join(comparison, 'comparison.json');
    const baseline = production ?? candidate.parent;
    const evidence = evidenceOfComparison(readComparison(file), {
      file,
      candidate: names?.[1] ?? model,
      baseline: names?.[0] ?? baseline,
      // Undefined: what it must beat is the first of its line, by whatever name.
      origin: baseline === candidate.origin ? undefined : candidate.origin,
    });
    const verdict = judgeGate(evidence, GATE_LIMITS);
    if (!dryRun)
      await ask(store, {
        act: 'move',
        model,
        to: verdict.outcome,
        actor: ACTOR,
        reason: verdict.text.slice(0, 1000),
        evidence: { gate: verdict, limits: GATE_LIMITS } as unknown as JsonObject,
      } as LoopRequest);
    terminal.result(verdict as unknown as JsonValue, verdictText(verdict));
  },
});

const WORDS: Readonly<Record<string, string>> = { passed: 'good', failed: 'bad', not_measured: 'not known' };

function verdictText({ text, checks }: GateVerdict): string {
  return [text, ...checks.map(({ name, outcome, text: of }) => `- ${name}: ${WORDS[outcome]!}: ${of}`)].join('\n');
}

function readComparison(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw badInput({
      file,
      message: `must be the comparison.json of preftune compare: ${(error as Error).message}`,
    });
  }
}

/** `preftune loop promote`: prod becomes a candidate. */
export const LOOP_PROMOTE = defineCommand({
  name: 'loop promote',
  description:
    'Points prod to a candidate that passed, from the next request on; the one before stays for the way back',
  arguments: [MODEL],
  examples: [
    { does: 'one that passed', words: 'friendly --store team --reason "wins 64 % on 240 prompts"' },
    { does: 'only if prod is still what you saw', words: 'friendly --store team --reason ok --expected base' },
  ],
  options: z.strictObject({
    store: STORE,
    reason: REASON,
    expected: option(z.string().min(1).optional(), {
      help: 'what prod stands for as you saw it; else nothing changes',
    }),
  }),
  async run({ store, reason, expected }, { args, terminal }) {
    const done = (await ask(store, {
      act: 'promote',
      model: args[0]!,
      actor: ACTOR,
      reason,
      ...(expected !== undefined && { expected }),
    })) as unknown as Promotion;
    terminal.result(
      done as unknown as JsonValue,
      `${done.after} answers as prod${done.before === undefined ? '' : `; ${done.before} did before`}`,
    );
  },
});

/** `preftune loop rollback`: prod becomes what it was. */
export const LOOP_ROLLBACK = defineCommand({
  name: 'loop rollback',
  description: 'Points prod back to what it stood for before, from the next request on',
  examples: [
    { does: 'at once', words: '--store team --reason "answers got shorter"' },
    { does: 'from a program', words: '--store team --reason guardrail --json' },
  ],
  options: z.strictObject({ store: STORE, reason: REASON }),
  async run({ store, reason }, { terminal }) {
    const done = (await ask(store, { act: 'rollback', actor: ACTOR, reason })) as unknown as Promotion;
    terminal.result(
      done as unknown as JsonValue,
      `${done.after} answers as prod again; ${done.before ?? 'nothing'} did before`,
    );
  },
});

/** `preftune loop move`: what a person decides of a candidate. */
export const LOOP_MOVE = defineCommand({
  name: 'loop move',
  description: 'Moves a candidate by hand: lets pass what was held, turns one down, retires one',
  arguments: [MODEL],
  examples: [
    { does: 'what the gate held', words: 'friendly --store team --to passed --reason "the team read 50 answers"' },
    { does: 'one that nobody wants', words: 'friendly --store team --to retired --reason "a better one is there"' },
  ],
  options: z.strictObject({
    store: STORE,
    to: option(z.enum(['passed', 'held', 'failed', 'retired']), { help: 'where it stands then' }),
    reason: REASON,
  }),
  async run({ store, to, reason }, { args, terminal }) {
    const moved = (await ask(store, {
      act: 'move',
      model: args[0]!,
      to,
      actor: ACTOR,
      reason,
    })) as unknown as Candidate;
    terminal.result(moved as unknown as JsonValue, `${moved.model}: ${moved.state}`);
  },
});
