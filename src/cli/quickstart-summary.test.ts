import { expect, it } from 'vitest';
import { summaryText, summaryValue, type QuickstartSummary } from './quickstart-summary.ts';

const SUMMARY: QuickstartSummary = {
  output: 'preftune-quickstart',
  seconds: 31.4,
  steps: 75,
  trainPairs: 200,
  heldOutPairs: 40,
  before: { accuracy: 0.5, margin: 0, answers: { questions: 33, friendly: 11, right: 22 } },
  after: { accuracy: 0.975, margin: 3.456, answers: { questions: 33, friendly: 33, right: 21 } },
  samples: [
    {
      prompt: 'What is the capital of France?',
      before: 'Paris.',
      after: 'Sure! The capital of France is Paris. Let me know if you want to hear more about it!',
    },
    { prompt: 'What sound does a cow make?', before: '', after: 'A cow says moo.' },
  ],
  model: "/opt/it's/embedded-model",
  adapter: 'preftune-quickstart/run/adapter',
};

it('reads well in 60 columns', () => {
  expect(`\n${summaryText(SUMMARY, 60)}\n`).toMatchInlineSnapshot(`
    "
    Done in 31 s: a language model of 3 million weights was
    taught to answer in a friendly way, from 200 pairs of a
    friendly and a curt answer, both right (DPO, 75 steps).

    Held-out questions, never trained on   before    after
      prefers the friendly one, 40 pairs     50 %     98 %
      reward margin                          0.00     3.46
      answers in a friendly way, 33 asked    33 %    100 %
      says the right thing, 33 asked         67 %     64 %
      (Preference is counted from where training starts: there
      all pairs are ties, each one half.)

    The same questions, before and after
      What is the capital of France?
        before  Paris.
        after   Sure! The capital of France is Paris. Let me
                know if you want to hear more about it!
      What sound does a cow make?
        before  (nothing)
        after   A cow says moo.

    Files
      report   preftune-quickstart/run/report.html
      pairs    preftune-quickstart/pairs.jsonl
      adapter  preftune-quickstart/run/adapter

    Next: ask the model that you just trained
      npx preftune generate --model preftune-quickstart/run \\
        --prompt "What is the capital of Japan?"
    train a real one on these pairs
      npx preftune dpo \\
        --model HuggingFaceTB/SmolLM2-135M-Instruct \\
        --data preftune-quickstart/pairs.jsonl --output run
    or begin with pairs of your own
      npx preftune init my-model
    "
  `);
});

it('has no line wider than the terminal but those with paths, and never more than 90 columns', () => {
  for (const columns of [60, 80, 100, 200]) {
    const lines = summaryText(SUMMARY, columns).split('\n');
    expect(lines.filter((line) => line.length > Math.min(columns, 90) && !line.includes('/'))).toEqual([]);
  }
});

it('is one object for machines', () => {
  expect(summaryValue(SUMMARY)).toEqual({
    ...SUMMARY,
    files: {
      pairs: 'preftune-quickstart/pairs.jsonl',
      heldOut: 'preftune-quickstart/held-out.jsonl',
      run: 'preftune-quickstart/run',
      report: 'preftune-quickstart/run/report.html',
      adapter: 'preftune-quickstart/run/adapter',
    },
  });
});
