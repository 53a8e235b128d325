import { internal } from '../core/index.ts';
import { createGenerator, encodePrompt, type Prompt } from '../generate/index.ts';
import type { RunSampler } from '../train/index.ts';
import { WORLD } from './knowledge/world.ts';
import { DEMO_PROMPTS, type QuickstartPair } from './pairs.ts';
import { factRow, type Fact } from './relation.ts';
import { isFriendly } from './styles.ts';
import { fillTemplate } from './template.ts';

/** How held-out questions are answered: counts out of `questions`. */
export interface AnswerCounts {
  readonly questions: number;
  /** With a friendly opening or closing. */
  readonly friendly: number;
  /** Saying what the fact says, in either style. */
  readonly right: number;
}

/** Longer than any answer of the world. */
const MAX_ANSWER_TOKENS = 96;

/** A sampler that answers the demo prompts for the report and counts over the held-out questions beside them. */
export interface QuickstartSampler extends RunSampler {
  /** One entry for each time that `answer` was called. */
  readonly counts: readonly AnswerCounts[];
}

/** Answers are greedy. Pairs about small talk, whose friendly answers have neither opening nor closing, are not counted. */
export function createQuickstartSampler(heldOut: readonly QuickstartPair[], signal: AbortSignal): QuickstartSampler {
  const asked = heldOut.filter((pair) => factOf(pair).relation.asIs !== true);
  const prompts = DEMO_PROMPTS.map(({ prompt }) => prompt);
  const contents: Prompt['content'][] = [...prompts, ...asked.map(({ prompt }) => prompt)];
  const counts: AnswerCounts[] = [];
  return {
    prompts,
    counts,
    answer: async ({ device, tokenizer, decoder, resident }) => {
      const generator = await createGenerator(device, { decoder, tokenizer, resident });
      try {
        const encoded = contents.map((content, i) => encodePrompt(tokenizer, { id: String(i), content }, {}));
        const answers = await generator.generate(encoded, { maxNewTokens: MAX_ANSWER_TOKENS, signal });
        const said = answers.map((answer) => ({ ...answer, text: answer.text.trim() }));
        const [demos, others] = [said.slice(0, prompts.length), said.slice(prompts.length).map(({ text }) => text)];
        counts.push({
          questions: asked.length,
          friendly: others.filter(isFriendly).length,
          right: others.filter((text, i) => isRight(text, factOf(asked[i]!))).length,
        });
        return demos;
      } finally {
        await generator.dispose();
      }
    },
  };
}

/** The fact of a pair, by its id `relation/row`. */
export function factOf({ id }: Pick<QuickstartPair, 'id'>): Fact {
  const [name, index] = id.split('/');
  const relation = WORLD.find((candidate) => candidate.id === name);
  if (relation === undefined) throw internal(`the quickstart pair ${id} is of no relation`);
  return { relation, index: Number(index) };
}

/** Words in lower case, single spaces around each. */
function plainWords(text: string): string {
  return ` ${text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim()} `;
}

/** Whether an answer holds one of the fact's own answers, bare or as a sentence, word for word. */
export function isRight(answer: string, fact: Fact): boolean {
  const { curt, full } = fact.relation;
  const words = plainWords(answer);
  return [...curt, ...full].some((template) => words.includes(plainWords(fillTemplate(template, factRow(fact)))));
}
